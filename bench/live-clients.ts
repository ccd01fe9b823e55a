// The process of the live clients of one protocol on one channel, each noting when a value arrives; started by figures/live.ts.
import { type LiveClient, openClient, type Protocol } from './live-protocols.ts';

/** `value` of each publication and when it came, milliseconds since the epoch. */
export type Arrival = { client: number; value: number; at: number };

const [at = '', protocol = 'ws', channel = '', clients = '1'] = process.argv.slice(2);
const arrivals: Arrival[] = [];
let ready = 0;

const lines: LiveClient[] = Array.from({ length: Number(clients) }, (_, client) =>
  openClient[protocol as Protocol]({
    ...{ at, channel, all: true },
    onReady() {
      if (++ready === Number(clients)) process.send!('subscribed');
    },
    onRows(_count, values) {
      const now = performance.timeOrigin + performance.now();
      for (const value of values) arrivals.push({ client, value, at: now });
    },
  }),
);
process.on('message', () => {
  process.send!(arrivals, () => process.disconnect());
});
process.on('disconnect', () => {
  for (const line of lines) line.close();
});
