// The demo instruments of FIELDLINE_DEMO=on: Modbus flow meters on a free loopback port and a home that publishes over MQTT.
import { setTimeout as wait } from 'node:timers/promises';
import { backoff } from '../src/kernel/backoff.ts';
import { type Clock, systemClock } from '../src/kernel/clock.ts';
import { reasonOf } from '../src/kernel/fault.ts';
import { startDemoInstruments } from '../src/modbus/demo.ts';
import { homelab } from './homelab.ts';
import { connectPublisher, type Publisher } from './publisher.ts';

export type Instruments = {
  /** What nodes learn of them (`services.demo`). BLE needs no socket: its nodes replay captures where this is present. */
  readonly demo: { modbus: { host: string; port: number } };
  close(): Promise<void>;
};

/** `log` tells when the publisher loses its broker and finds it again. */
export async function startInstruments(options: {
  mqttUrl: string;
  log(level: 'info' | 'warn', text: string, fields?: Record<string, unknown>): void;
  clock?: Clock;
}): Promise<Instruments> {
  const { mqttUrl, log, clock = systemClock } = options;
  const modbus = await startDemoInstruments(0, clock);
  const stopping = new AbortController();
  const publishing = publishFor(mqttUrl, clock, stopping.signal, log);
  return {
    demo: { modbus: { host: modbus.host, port: modbus.port } },
    async close() {
      stopping.abort();
      await Promise.all([publishing, modbus.close()]);
    },
  };
}

/** Publishes second after second, and comes back after every loss of the broker, until it is told to stop. */
async function publishFor(
  url: string,
  clock: Clock,
  signal: AbortSignal,
  log: Parameters<typeof startInstruments>[0]['log'],
): Promise<void> {
  const retry = backoff(500, 10_000);
  while (!signal.aborted) {
    let publisher: Publisher | undefined;
    try {
      publisher = await connectPublisher(url, `fieldline-demo-${process.pid}`);
      retry.reset();
      await publishUntil(publisher, clock, signal);
    } catch (error) {
      if (!signal.aborted) log('warn', 'the demo devices wait for the broker', { reason: reasonOf(error) });
    }
    await publisher?.close();
    await wait(retry.next(), undefined, { signal }).catch(() => undefined);
  }
}

async function publishUntil(publisher: Publisher, clock: Clock, signal: AbortSignal): Promise<void> {
  // The first round is a whole one, so that every device is seen at once.
  let second = Math.floor(clock.now() / 5000) * 5;
  while (!signal.aborted) {
    const published = Promise.all(homelab(second).map(({ topic, payload }) => publisher.publish(topic, payload)));
    const stopped = wait(10_000, 'late' as const, { signal }).catch(() => 'stopped' as const);
    // A broker whose disk is full withholds its acknowledgements: the demo waits with it, not for ever.
    const how = await Promise.race([published, stopped]);
    if (how === 'stopped') return;
    if (how === 'late') throw new Error('no acknowledgement within 10 s');
    const now = clock.now();
    second = Math.floor(now / 1000) + 1;
    await wait(second * 1000 - now, undefined, { signal }).catch(() => undefined);
  }
}
