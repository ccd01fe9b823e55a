// A Modbus TCP device in a process of its own: units of float32 registers, silent ones, and the moment each cycle began as the device saw it.
import { startSimulator } from '../src/modbus/simulator.ts';

export type DeviceOptions = { units: number; silent: number[] };
/** Milliseconds of the requests for address 0, by unit, and all requests. */
export type Seen = { starts: Record<number, number[]>; requests: number };

const { units, silent } = JSON.parse(process.argv[2] ?? '{}') as DeviceOptions;
const starts: Record<number, number[]> = {};
let requests = 0;

const memory = Buffer.alloc(4000);
for (let at = 0; at < 1000; at++) memory.writeFloatBE(at + 0.5, at * 4);
const simulator = await startSimulator({
  units: Array.from({ length: units }, (_, at) => [
    at + 1,
    (_table, address) => (address < 2000 ? memory.readUInt16BE(address * 2) : undefined),
  ]),
});
simulator.misbehave = ({ unit, address }) => {
  requests++;
  starts[unit] ??= [];
  if (address === 0) starts[unit].push(performance.now());
  return silent.includes(unit) ? { kind: 'silence' } : undefined;
};
process.send?.({ port: simulator.port });
process.once('disconnect', () => process.exit());
process.once('message', async () => {
  await simulator.close();
  process.send?.({ starts, requests } satisfies Seen);
});
