// Grain: the steps in which values come, where they lie on a grid or are pulses of a counter.
import * as at from './cells.ts';
import { pulseOf } from './counter.ts';
import { LONG_SCALE } from './models.ts';

/** Values lie on a grid where their least step is not larger than this, in scales; on and off are no grid. */
export const GRID = 1.5;

/** One pulse of a counter of which hardly any two fall together; 0 of all else, and where there are so many that they are told like any value. */
export function rarePulse(cells: Float64Array): number {
  const pulse = pulseOf(cells);
  return pulse > GRID * cells[LONG_SCALE]! ? pulse : 0;
}

/** A pulse in scales of a model; means of many values come in no grains. */
export const grainOf = (pulse: number, model: number, scale: number): number =>
  pulse === 0 || model === at.MEANS ? 0 : pulse / scale;
