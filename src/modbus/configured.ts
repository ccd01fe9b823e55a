// The bus that a modbus-bus node configures: a device on one of three transports, a gateway's demo instruments, or nothing yet.
import { type Bus, type BusOptions, openBus } from './bus.ts';
import { startDemoInstruments } from './demo.ts';
import type { Connect } from './link.ts';
import { rtuOverTcpConnector } from './rtu-over-tcp.ts';
import { type MakePort, serialConnector } from './serial.ts';
import type { LineFormat } from './serial-format.ts';
import type { Simulator } from './simulator.ts';
import { tcpConnector } from './tcp.ts';
import { systemTiming } from './timing.ts';

/** What a modbus-bus node provides. Without a bus no address is set. */
export type ConfiguredBus = { bus: Bus | undefined; demo: boolean; settings: BusSettings; close(): Promise<void> };

export type Address = { host: string; port: number };

/** tcp: MBAP frames. rtu: a serial port of this machine. rtu-over-tcp: serial frames through a TCP converter. */
export const transports = ['tcp', 'rtu', 'rtu-over-tcp'] as const;
export type Transport = (typeof transports)[number];

export type BusSettings = {
  /** Operator's name; the address where it has none. */
  name: string;
  transport: Transport;
  /** Host name or address; with TCP `demo` for demo instruments of its own, and empty for those of the gateway. */
  host: string;
  port: number;
  /** Name of the serial port. */
  serialPort: string;
  /** Of the serial line, also of that behind a converter. */
  format: LineFormat;
  connectTimeoutMs: number;
  makePort?: MakePort;
} & Omit<BusOptions, 'name' | 'connect' | 'timing'>;

export function configureBus(settings: BusSettings, gatewayDemo: Address | undefined): ConfiguredBus {
  const own = ownDemo();
  const { transport, host } = settings;
  const demo = transport === 'tcp' && (host === '' || host === 'demo');
  const connect = demo ? demoConnector(settings, gatewayDemo, own.start) : connectorOf(settings);
  if (connect === undefined) return { bus: undefined, demo: false, settings, close: async () => {} };
  const bus = openBus({
    ...settings,
    name: topicLevel(settings.name || (demo ? 'demo' : addressName(settings))),
    connect,
    // One line carries one frame at a time.
    parallel: transport === 'tcp' ? settings.parallel : 1,
    timing: systemTiming,
  });
  return {
    bus,
    demo,
    settings,
    async close() {
      await bus.close();
      await own.stop();
    },
  };
}

/** How the device of these settings is reached; undefined where no address is set. */
export function connectorOf(settings: Omit<BusSettings, 'name'>): Connect | undefined {
  const { transport, host, port, serialPort, format, connectTimeoutMs, makePort, timeoutMs } = settings;
  // A late answer is waited for as long again as an answer.
  const drainMs = timeoutMs;
  if (transport === 'rtu')
    return serialPort === ''
      ? undefined
      : serialConnector({ path: serialPort, format, connectTimeoutMs, drainMs, ...(makePort && { makePort }) });
  if (host === '') return undefined;
  return transport === 'tcp'
    ? tcpConnector({ host, port, connectTimeoutMs })
    : rtuOverTcpConnector({ host, port, connectTimeoutMs, format, drainMs });
}

/** `10.0.0.7:502` or the serial port, as it stands in messages. */
export const addressName = ({ transport, host, port, serialPort }: Omit<BusSettings, 'name'>): string =>
  transport === 'rtu' ? serialPort : `${host}:${port}`;

function demoConnector(
  { host, connectTimeoutMs }: BusSettings,
  gateway: Address | undefined,
  startOwn: () => Promise<Address>,
): Connect | undefined {
  if (host === '') return gateway && tcpConnector({ ...gateway, connectTimeoutMs });
  return async signal => tcpConnector({ ...(await startOwn()), connectTimeoutMs })(signal);
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
const topicLevel = (name: string) => name.replace(/[/+#\s\0]+/g, '-').replace(/^-+/, '');
