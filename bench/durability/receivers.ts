// The other ends of mqtt-out and http-out: a broker and a server that keep which numbers they were sent, and fail on demand.
import http from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { Draw } from '../anomaly/random.ts';
import { freePort } from '../machine.ts';
import { openBroker, type SinkBroker } from '../sink-broker.ts';

/** How a server fails: gone, answers 503, takes the request and does not answer, or ends the connection over it. */
export type Trouble = 'gone' | 'refuses' | 'hangs' | 'hangs up';

export type Receiver = {
  readonly port: number;
  /** Fails so from now on; undefined: works again. */
  fail(how: Trouble | undefined): Promise<void>;
  /** Numbers of devices whose names begin so, and how often each came. */
  received(prefix: string): ReadonlyMap<number, number>;
  close(): Promise<void>;
};

/** How often each number came, by device. */
function numberBook() {
  const devices = new Map<string, Map<number, number>>();
  return {
    note(device: string, number: number): void {
      const of = devices.get(device) ?? new Map<number, number>();
      devices.set(device, of.set(number, (of.get(number) ?? 0) + 1));
    },
    // A number belongs to one device.
    received: (prefix: string): ReadonlyMap<number, number> =>
      new Map([...devices].flatMap(([device, of]) => (device.startsWith(prefix) ? [...of] : []))),
  };
}

/** Takes energy messages as they were published. It knows one trouble: to be gone. */
export async function startReceivingBroker(): Promise<Receiver> {
  const book = numberBook();
  const port = await freePort();
  const open = () =>
    openBroker({
      port,
      onPublish(topic, payload) {
        const { total_energy_kwh: number } = JSON.parse(payload.toString()) as { total_energy_kwh: number };
        book.note(topic.slice(topic.lastIndexOf('/') + 1), number);
      },
    });
  let broker: SinkBroker | undefined = await open();
  return {
    port,
    received: book.received,
    async fail(how) {
      if (how === undefined) broker ??= await open();
      else {
        await broker?.close();
        broker = undefined;
      }
    },
    async close() {
      await broker?.close();
    },
  };
}

type Sent = { deviceId: string; telemetry: { totalizer: number } };

/** Takes readings with a totalizer, one or an array. A request with a known Idempotency-Key is answered and not taken again. */
export async function startReceivingServer(): Promise<Receiver> {
  const book = numberBook();
  const taken = new Set<string>();
  let trouble: Trouble | undefined;
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', chunk => chunks.push(chunk as Buffer));
    request.on('end', () => {
      if (trouble === 'refuses') return void response.writeHead(503).end();
      const key = String(request.headers['idempotency-key']);
      if (!taken.has(key))
        for (const { deviceId, telemetry } of [JSON.parse(Buffer.concat(chunks).toString()) as Sent | Sent[]].flat())
          book.note(deviceId, telemetry.totalizer);
      taken.add(key);
      if (trouble === 'hangs up') request.socket.destroy();
      else if (trouble !== 'hangs') response.writeHead(204).end();
    });
  });
  const listen = (port: number) => new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
  const end = async () => {
    const ended = new Promise(resolve => server.close(resolve));
    server.closeAllConnections();
    await ended;
  };
  const port = await freePort();
  await listen(port);
  return {
    port,
    received: book.received,
    async fail(how) {
      if (how === 'gone' && server.listening) await end();
      if (how !== 'gone' && !server.listening) await listen(port);
      trouble = how;
      // What hangs is not to be waited for once all is well.
      if (how === undefined) server.closeAllConnections();
    },
    close: end,
  };
}

const TROUBLES: readonly Trouble[] = ['gone', 'gone', 'refuses', 'hangs', 'hangs up'];

/** One receiver after the other fails for a random time, until it is told to stop; then all work. */
export function troubled(receivers: readonly Receiver[], { between, whole }: Draw): { stop(): Promise<number> } {
  let stopped = false;
  let times = 0;
  const running = (async () => {
    while (!stopped) {
      const receiver = receivers[whole(0, receivers.length - 1)]!;
      await wait(between(200, 2000));
      await receiver.fail(TROUBLES[whole(0, TROUBLES.length - 1)]!);
      times++;
      await wait(between(300, 4000));
      await receiver.fail(undefined);
    }
  })();
  return {
    async stop() {
      stopped = true;
      await running;
      return times;
    },
  };
}
