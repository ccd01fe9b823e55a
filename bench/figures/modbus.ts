// modbus: what one process polls from TCP devices, how punctually as the device sees it, and how near a slow serial line comes to its limit.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { openBus } from '../../src/modbus/bus.ts';
import { parseMap } from '../../src/modbus/map.ts';
import { type Poller, startPoller } from '../../src/modbus/poller.ts';
import { serialConnector } from '../../src/modbus/serial.ts';
import { simulatedLine } from '../../src/modbus/serial.fixture.ts';
import { charMsOf, pauseOf } from '../../src/modbus/serial-format.ts';
import { tcpConnector } from '../../src/modbus/tcp.ts';
import { systemTiming } from '../../src/modbus/timing.ts';
import { type Figure, ms, type Report } from '../figure.ts';
import { load, percentile } from '../machine.ts';
import type { DeviceOptions, Seen } from '../modbus-device.ts';

type Shape = { says: string; units: number; floats: number; periodMs: number; silent: number[] };

const shapes: Readonly<Record<string, Shape>> = {
  fast: { says: '1 unit of 1,000 floats', units: 1, floats: 1000, periodMs: 100, silent: [] },
  many: { says: '10 units of 100 floats', units: 10, floats: 100, periodMs: 1000, silent: [] },
  silent: { says: '4 units of 100 floats, the 4th silent', units: 4, floats: 100, periodMs: 100, silent: [4] },
};

const limits = { maxWords: 125, maxBits: 2000, gapBudget: 16 };
const mapOf = (floats: number) =>
  parseMap(
    JSON.stringify({
      name: 'bench',
      table: 'holding',
      registers: Array.from({ length: floats }, (_, at) => ({ metric: `m${at}`, address: at * 2, type: 'float32' })),
    }),
    'bench',
  );

export const modbus: Figure = {
  says: 'Modbus: points per second and punctuality over TCP, a silent unit beside others, the limit of a 9,600 baud line',
  defaults: { seconds: 15, runs: 1 },
  async run({ seconds, only }, report) {
    const wanted = (part: string) => only.length === 0 || only.includes(part);
    report.table('Modbus TCP, as the device sees the start of each cycle; the device is a process of its own', [
      ...['shape', 'points/s', 'requests a cycle', 'cycles missing'],
      ...['interval p50 ms', 'p99', 'max', 'late p99 ms', 'CPU s', 'load'],
    ]);
    for (const [name, shape] of Object.entries(shapes)) if (wanted(name)) await overTcp(shape, seconds, report);
    if (wanted('serial')) await overSerial(Math.min(seconds, 10), report);
  },
};

async function overTcp({ says, units, floats, periodMs, silent }: Shape, seconds: number, report: Report) {
  const settings: DeviceOptions = { units, silent };
  const device = fork(fileURLToPath(new URL('../modbus-device.ts', import.meta.url)), [JSON.stringify(settings)]);
  const [{ port }] = (await once(device, 'message')) as [{ port: number }];
  const bus = openBus({
    name: 'bench',
    connect: tcpConnector({ host: '127.0.0.1', port, connectTimeoutMs: 3000 }),
    timeoutMs: 1000,
    parallel: 4,
    quarantine: { after: 3, probeMs: 30_000 },
    timing: systemTiming,
  });
  const map = mapOf(floats);
  let points = 0;
  const cpu = process.cpuUsage();
  const began = performance.now();
  const pollers: Poller[] = Array.from({ length: units }, (_, at) =>
    startPoller({
      ...{ bus, map, periodMs, limits, deviceId: `u${at + 1}`, unit: at + 1, timing: systemTiming },
      onReading: reading => (points += Object.keys(reading.telemetry).length),
      onPoll: () => {},
    }),
  );
  await new Promise(resolve => setTimeout(resolve, seconds * 1000));
  for (const poller of pollers) poller.stop();
  const took = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await bus.close();
  device.send('end');
  const [{ starts, requests }] = (await once(device, 'message')) as [Seen];
  device.disconnect();

  const healthy = Object.entries(starts).filter(([unit]) => !silent.includes(Number(unit)));
  // The first cycle waits for the connection.
  const cycles = healthy.map(([, times]) => times.slice(1));
  const intervals = cycles.flatMap(times => times.slice(1).map((time, at) => time - (times[at] ?? time)));
  const late = cycles.flatMap(times => latenessOf(times, periodMs));
  const due = healthy.length * Math.floor((took * 1000) / periodMs);
  const done = healthy.reduce((sum, [, times]) => sum + times.length, 0);
  report.row(
    ...[`${says}, ${periodMs} ms`, Math.round(points / took), (requests / Math.max(1, done)).toFixed(1)],
    ...[Math.max(0, due - done), ms(percentile(intervals, 0.5)), ms(percentile(intervals, 0.99))],
    ...[ms(Math.max(...intervals)), ms(percentile(late, 0.99)), ((user + system) / 1e6).toFixed(1), load().toFixed(1)],
  );
}

/** How long after its slot each cycle began; the timetable is known up to its beginning, which is that of the earliest one. */
function latenessOf(times: readonly number[], periodMs: number): number[] {
  const phases = times.map((time, at) => time - at * periodMs);
  // A slot that was left out moves all after it by whole periods.
  const offsets = phases.map(phase => phase - Math.floor((phase - (phases[0] ?? 0)) / periodMs + 0.5) * periodMs);
  const earliest = Math.min(...offsets);
  return offsets.map(offset => offset - earliest);
}

/** One read after the other of 124 registers: the wire alone needs 279 ms. */
async function overSerial(seconds: number, report: Report) {
  const format = { baudRate: 9600, dataBits: 8, parity: 'none', stopBits: 1 } as const;
  const line = simulatedLine([[1, (_, address) => address]], format);
  const bus = openBus({
    name: 'bench',
    connect: serialConnector({ ...line, format, connectTimeoutMs: 3000, drainMs: 100 }),
    timeoutMs: 1000,
    parallel: 1,
    quarantine: { after: 3, probeMs: 30_000 },
    timing: systemTiming,
  });
  const read = () => bus.read({ unit: 1, table: 'holding', address: 0, count: 124 });
  await read();
  const began = performance.now();
  let reads = 0;
  while (performance.now() - began < seconds * 1000) {
    await read();
    reads++;
  }
  const each = (performance.now() - began) / reads;
  await bus.close();
  line.stop();
  const least = charMsOf(format) * (8 + 5 + 248) + 2 * pauseOf(format);
  report.table(
    '9,600 baud 8N1: reads of 124 registers (62 floats), one after the other, on a line that takes its time',
    [...['reads', 'ms a read', 'least by arithmetic', 'above it', 'floats/s', 'load']],
  );
  report.row(
    ...[reads, each.toFixed(1), least.toFixed(1), `${(100 * (each / least - 1)).toFixed(1)} %`],
    ...[Math.round((62 * 1000) / each), load().toFixed(1)],
  );
}
