// The bus that a modbus-bus node configures: a device, a gateway's demo instruments, or nothing yet.
import { type Bus, type BusOptions, openBus } from './bus.ts';
import { startDemoInstruments } from './demo.ts';
import type { Connect } from './link.ts';
import type { Simulator } from './simulator.ts';
import { tcpConnector } from './tcp.ts';
import { systemTiming } from './timing.ts';

/** What a modbus-bus node provides. Without a bus no address is set. */
export type ConfiguredBus = { bus: Bus | undefined; demo: boolean; close(): Promise<void> };

export type Address = { host: string; port: number };
export type BusSettings = {
  /** Operator's name; the address where it has none. */
  name: string;
  /** Host name or address; `demo` for demo instruments of its own; empty for those of the gateway. */
  host: string;
  port: number;
  connectTimeoutMs: number;
} & Omit<BusOptions, 'name' | 'connect' | 'timing'>;

export function configureBus(settings: BusSettings, gatewayDemo: Address | undefined): ConfiguredBus {
  const { host, connectTimeoutMs } = settings;
  const own = ownDemo();
  const address = host === '' ? gatewayDemo : { host, port: settings.port };
  const demo = host === '' || host === 'demo';
  if (address === undefined) return { bus: undefined, demo: false, close: async () => {} };
  const connect: Connect =
    host === 'demo'
      ? async signal => tcpConnector({ ...(await own.start()), connectTimeoutMs })(signal)
      : tcpConnector({ ...address, connectTimeoutMs });
  const name = topicLevel(settings.name || (demo ? 'demo' : `${address.host}:${address.port}`));
  const bus = openBus({ ...settings, name, connect, timing: systemTiming });
  return {
    bus,
    demo,
    async close() {
      await bus.close();
      await own.stop();
    },
  };
}

function ownDemo() {
  let instruments: Promise<Simulator> | undefined;
  return {
    start() {
      instruments ??= startDemoInstruments();
      return instruments;
    },
    stop: async () => (await instruments)?.close(),
  };
}

/** A name as one level of a topic. */
const topicLevel = (name: string) => name.replace(/[/+#\s\0]+/g, '-');
