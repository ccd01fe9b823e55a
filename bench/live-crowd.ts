// The process of a crowd of live clients that counts what comes and how old it is; started by figures/fan-out.ts.
import { percentile } from './machine.ts';
import { type LiveClient, openClient, type Protocol } from './live-protocols.ts';

/** Milliseconds from the publication, of the last row in each piece that came. */
export type Crowd = { deliveries: number; seconds: number; p50: number; p99: number };

const [at = '', protocol = 'ws', clients = '1', stalled = '0', conflate = ''] = process.argv.slice(2);
const conflateMs = conflate === '' ? undefined : Number(conflate);
const MOST_SAMPLES = 1_000_000;
let ages: number[] = [];
let deliveries = 0;
let began = performance.now();
let ready = 0;

function open(isStalled: boolean): LiveClient {
  const client: LiveClient = openClient[protocol as Protocol]({
    ...{ at, channel: 'measurement-stream', conflateMs, all: false },
    onReady() {
      if (isStalled) client.stall();
      if (++ready === Number(clients) + Number(stalled)) process.send!('subscribed');
    },
    onRows(count, [value = 0]) {
      if (isStalled) return;
      deliveries += count;
      if (ages.length < MOST_SAMPLES) ages.push(performance.timeOrigin + performance.now() - value);
    },
  });
  return client;
}

const lines = Array.from({ length: Number(clients) + Number(stalled) }, (_, n) => open(n >= Number(clients)));
process.on('message', word => {
  if (word === 'begin') {
    ages = [];
    deliveries = 0;
    began = performance.now();
    return;
  }
  const seconds = (performance.now() - began) / 1000;
  const crowd: Crowd = { deliveries, seconds, p50: percentile(ages, 0.5), p99: percentile(ages, 0.99) };
  process.send!(crowd, () => process.disconnect());
});
process.on('disconnect', () => {
  for (const line of lines) line.close();
});
