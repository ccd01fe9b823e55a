// Demo instruments: two flow meters whose values follow the day, with a surge now and then, for the shipped flow and the examples.
import type { Clock } from '../kernel/clock.ts';
import { systemClock } from '../kernel/clock.ts';
import type { Unit } from './simulated-unit.ts';
import { type Simulator, startSimulator } from './simulator.ts';

/** Unit 1 has the registers of `nivus-float32`, unit 2 those of `nivusonic-input`. */
export const demoUnits = { nivusFloat32: 1, nivusonicInput: 2 } as const;

export function startDemoInstruments(port = 0, clock: Clock = systemClock): Promise<Simulator> {
  return startSimulator({
    port,
    units: [
      [demoUnits.nivusFloat32, nivusFloat32(clock)],
      [demoUnits.nivusonicInput, nivusonicInput(clock)],
    ],
  });
}

const DAY_S = 86_400;
const SURGE_EVERY_S = 600;
const SURGE_S = 8;
const ROLLOVER_M3 = 1_000_000;
const MEAN_FLOW = 42;

/** Flow in m³/h at a time in seconds: a daily wave, a pump's wave of 90 s, noise, and a surge of 8 s every 10 minutes. */
export function demoFlow(seconds: number): number {
  const wave = 9 * Math.sin((2 * Math.PI * seconds) / DAY_S) + 2.5 * Math.sin((2 * Math.PI * seconds) / 90);
  const surge = seconds % SURGE_EVERY_S < SURGE_S ? 45 : 0;
  return MEAN_FLOW + wave + surge + 0.4 * noise(seconds);
}

/** m³ since the epoch: the integral of the flow without its noise, so that a restart goes on where it was. */
export function demoTotal(seconds: number): number {
  const wave = (amplitude: number, period: number) =>
    ((amplitude * period) / (2 * Math.PI)) * (1 - Math.cos((2 * Math.PI * seconds) / period));
  const surges = 45 * (Math.floor(seconds / SURGE_EVERY_S) * SURGE_S + Math.min(seconds % SURGE_EVERY_S, SURGE_S));
  return ((MEAN_FLOW * seconds + wave(9, DAY_S) + wave(2.5, 90) + surges) / 3600) % ROLLOVER_M3;
}

const demoTemperature = (seconds: number) =>
  14 + 3 * Math.sin((2 * Math.PI * (seconds - 6 * 3600)) / DAY_S) + 0.05 * noise(seconds + 0.5);

/** The same number for the same quarter of a second, from -1 to 1. */
function noise(seconds: number): number {
  const x = Math.sin(Math.floor(seconds * 4) * 12.9898) * 43758.5453;
  return 2 * (x - Math.floor(x)) - 1;
}

function nivusFloat32(clock: Clock): Unit {
  return (table, address) => {
    if (table !== 'holding' || address > 15) return undefined;
    const seconds = clock.now() / 1000;
    const words = Buffer.alloc(32);
    words.writeFloatBE(demoFlow(seconds), 0);
    words.writeFloatBE(demoTotal(seconds), 4);
    words.writeFloatBE(demoTemperature(seconds), 8);
    words.writeUInt16BE(1, 20);
    return words.readUInt16BE(address * 2);
  };
}

function nivusonicInput(clock: Clock): Unit {
  return (table, address) => {
    if (table !== 'input' || address > 47) return undefined;
    const seconds = clock.now() / 1000;
    const flow = demoFlow(seconds) / 3600;
    const digits: Readonly<Record<number, number>> = {
      0: flow * 1000,
      1: (0.3 + flow * 4) * 1000,
      2: flow * 20 * 1000,
      3: demoTemperature(seconds) * 100,
      4: (demoTemperature(seconds) + 4) * 100,
    };
    return Math.round(digits[address] ?? 0) & 0xffff;
  };
}
