// Sources beside MQTT that number what they send: posts, adverts of an emulated radio, and the polls that a Modbus device answers.
import { setTimeout as wait } from 'node:timers/promises';
import { adStructures } from '../../sim/controller/air.ts';
import { emulatedController } from '../../sim/controller/controller.ts';
import { startSimulator } from '../../src/modbus/simulator.ts';

/** Sends the numbers 0, 1, 2 … */
export type Numbered = {
  /** When each number was sent, on the steady clock. */
  readonly sentAt: readonly number[];
  /** Sends no more; resolves when what was sent is answered, or after a minute. */
  stop(): Promise<void>;
  close(): Promise<void>;
};

export const ADVERTISER = 'C2:00:00:00:00:01';
const ADVERT_MS = 20;
const POST_MS = 40;
const POST_AGAIN_MS = 200;
const POST_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 60_000;
/** Of its body. A key that was made a moment ago may not be known yet (401). */
const FINAL = new Set([400, 413, 415, 422]);
/** Readings of a post: in lanes with and without a time of their own, and one that the address names. */
const LANES = [5, 5, 1] as const;

/**
 * Posts readings whose `totalizer` is a number, of devices `{prefix}-0` and so on, each again with its Idempotency-Key until it
 * is answered 2xx. `refused`: answers that ask for no second try.
 */
export function startPosts(url: string, key: string, prefix: string): Numbered & { readonly refused: string[] } {
  const sentAt: number[] = [];
  const refused: string[] = [];
  let stopped = false;

  async function post(place: string, body: string, first: number): Promise<void> {
    const headers = { 'content-type': 'application/json', 'x-api-key': key, 'idempotency-key': `${prefix}-${first}` };
    const end = performance.now() + POST_LIMIT_MS * 10;
    while (performance.now() < end) {
      try {
        const signal = AbortSignal.timeout(POST_LIMIT_MS);
        const answer = await fetch(url + place, { method: 'POST', headers, body, signal });
        const text = await answer.text();
        if (answer.ok) return;
        if (FINAL.has(answer.status)) return void refused.push(`${answer.status} ${text.slice(0, 200)}`);
      } catch {
        // It is down, or went down: nobody knows whether it has taken it.
      }
      await wait(POST_AGAIN_MS);
    }
    refused.push(`no answer to ${first}`);
  }

  async function lane(size: number, at: number): Promise<void> {
    const device = `${prefix}-${at}`;
    while (!stopped) {
      const first = sentAt.length;
      const time = at % 2 === 0 ? { timestamp: new Date().toISOString() } : {};
      const readings = Array.from({ length: size }, () => {
        const number = sentAt.push(performance.now()) - 1;
        return { ...time, flow_rate: 40, totalizer: number };
      });
      if (size === 1) await post(`/api/devices/${device}/telemetry`, JSON.stringify(readings[0]), first);
      else {
        const items = readings.map(reading => ({ device_id: device, ...reading }));
        await post('/api/ingest', JSON.stringify(items), first);
      }
      await wait(POST_MS);
    }
  }

  const running = Promise.all(LANES.map(lane));
  const stop = async () => {
    stopped = true;
    const limit = new AbortController();
    await Promise.race([running, wait(STOP_LIMIT_MS, undefined, { signal: limit.signal })]);
    limit.abort();
  };
  return { sentAt, refused, stop, close: stop };
}

/** Adverts whose BTHome `count` is a number, for whoever scans on `adapter`; those that nobody hears are not sent. */
export async function startAdverts(): Promise<Numbered & { readonly adapter: string }> {
  const controller = await emulatedController();
  const sentAt: number[] = [];
  const timer = setInterval(() => {
    const count = Buffer.alloc(4);
    count.writeUInt32LE(sentAt.length);
    const { reported } = controller;
    controller.air.send({
      ...{ address: ADVERTISER, random: true, connectable: false, extended: false, scanResponse: undefined, rssi: -60 },
      data: adStructures([0x16, Buffer.concat([Buffer.from('d2fc403e', 'hex'), count])]),
    });
    if (controller.reported > reported) sentAt.push(performance.now());
  }, ADVERT_MS);
  const stop = async () => clearInterval(timer);
  return {
    ...{ adapter: `tcp://127.0.0.1:${controller.port}`, sentAt, stop },
    async close() {
      await stop();
      await controller.close();
    },
  };
}

/** A flow meter of the map nivus-float32 whose `totalizer` is the number of the poll that asks. */
export async function startMeter(): Promise<Numbered & { readonly port: number; cut(): void }> {
  const sentAt: number[] = [];
  const words = Buffer.alloc(22);
  let stopped = false;
  const simulator = await startSimulator({
    units: [
      [
        1,
        (_table, address) => {
          if (address === 0 && !stopped) words.writeFloatBE(sentAt.push(performance.now()) - 1, 4);
          return address < 11 ? words.readUInt16BE(2 * address) : undefined;
        },
      ],
    ],
  });
  simulator.misbehave = () => (stopped ? { kind: 'silence' } : undefined);
  return {
    ...{ port: simulator.port, sentAt, cut: simulator.cut },
    async stop() {
      stopped = true;
    },
    close: () => simulator.close(),
  };
}
