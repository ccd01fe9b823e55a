// The three transports, each with a simulated device behind it, and a poll whose answers would show any shift.
import assert from 'node:assert/strict';
import { type Bus, type BusOptions, openBus } from './bus.ts';
import { ModbusFault } from './fault.ts';
import type { Connect, ReadRequest } from './link.ts';
import { rtuOverTcpConnector } from './rtu-over-tcp.ts';
import { serialConnector } from './serial.ts';
import { simulatedLine } from './serial.fixture.ts';
import { type Device, startSimulator } from './simulator.ts';
import type { Unit } from './simulated-unit.ts';
import { systemTiming } from './timing.ts';
import { tcpConnector } from './tcp.ts';

export const TIMEOUT_MS = 60;
const DRAIN_MS = 90;
/** The register at an address holds unit and address: a shifted answer shows. */
export const unitOf = (unit: number): [number, Unit] => [
  unit,
  (table, address) => (table === 'coil' || table === 'discrete' ? (address >> 1) & 1 : unit * 1000 + address),
];
const units = () => [1, 2, 9].map(unitOf);

export type Bench = {
  device: Pick<Device, 'misbehave' | 'write'>;
  connect: Connect;
  parallel: number;
  /** Sends bytes that nobody asked for. */
  say(bytes: Uint8Array): void;
  /** The other side goes, and comes back. */
  flap(): Promise<void>;
  close(): Promise<void>;
};

async function tcpBench(framing: 'tcp' | 'rtu'): Promise<Bench> {
  const simulator = await startSimulator({ units: units(), framing });
  const peer = { host: simulator.host, port: simulator.port, connectTimeoutMs: 2000 };
  return {
    device: simulator,
    connect: framing === 'tcp' ? tcpConnector(peer) : rtuOverTcpConnector({ ...peer, drainMs: DRAIN_MS }),
    parallel: framing === 'tcp' ? 4 : 1,
    say: simulator.say,
    flap: async () => simulator.cut(),
    close: simulator.close,
  };
}

async function serialBench(): Promise<Bench> {
  const line = simulatedLine(units());
  const format = { baudRate: 115_200, dataBits: 8, parity: 'none', stopBits: 1 } as const;
  return {
    device: line,
    connect: serialConnector({
      path: line.path,
      format,
      connectTimeoutMs: 2000,
      drainMs: DRAIN_MS,
      makePort: line.makePort,
    }),
    parallel: 1,
    say: line.say,
    async flap() {
      line.unplug();
      await new Promise(resolve => setTimeout(resolve, 20));
      line.plug();
    },
    async close() {
      line.stop();
    },
  };
}

export const transports: readonly [name: string, bench: () => Promise<Bench>][] = [
  ['TCP', () => tcpBench('tcp')],
  ['RTU over TCP', () => tcpBench('rtu')],
  ['RTU', serialBench],
];

/** One poll of many: units in turn, addresses and lengths that repeat, so that a shifted answer would fit. */
export const requests: readonly ReadRequest[] = [
  [9, 0, 4],
  [1, 10, 4],
  [9, 20, 4],
  [9, 30, 2],
  [1, 40, 4],
  [2, 50, 4],
  [9, 60, 4],
].map(([unit = 0, address = 0, count = 0]) => ({ unit, table: 'holding', address, count }));

export const right = ({ unit, address, count }: ReadRequest) =>
  Array.from({ length: count }, (_, at) => unit * 1000 + address + at);
export const wordsOf = (bytes: Uint8Array) =>
  Array.from({ length: bytes.length / 2 }, (_, at) => Buffer.from(bytes).readUInt16BE(at * 2));

export function openTestBus({ connect, parallel }: Bench, more: Partial<BusOptions> = {}): Bus {
  return openBus({
    ...{ name: 'b', connect, timeoutMs: TIMEOUT_MS, parallel },
    quarantine: { after: 1000, probeMs: 1 },
    timing: systemTiming,
    random: () => 0,
    ...more,
  });
}

/** The words, or the fault; never anything else. */
export async function readFrom(bus: Bus, request: ReadRequest): Promise<number[] | ModbusFault> {
  try {
    return wordsOf(await bus.read(request));
  } catch (error) {
    assert.ok(error instanceof ModbusFault, String(error));
    return error;
  }
}

/** Reads until each request was answered rightly in turn; a value that is not right fails at once. */
export async function heals(bus: Bus): Promise<void> {
  let healthy = 0;
  for (let n = 0; healthy < requests.length; n++) {
    assert.ok(n < 100, 'it does not heal');
    const request = requests[n % requests.length]!;
    const got = await readFrom(bus, request);
    if (got instanceof ModbusFault) {
      healthy = 0;
      // While the port is away, reads are refused at once.
      if (got.trouble === 'link') await new Promise(resolve => setTimeout(resolve, 50));
    } else {
      assert.deepEqual(got, right(request));
      healthy++;
    }
  }
}
