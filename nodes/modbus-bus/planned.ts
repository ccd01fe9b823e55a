// Polls as a dialog has them, for the plan of a bus.
import type { PlannedPoll } from '../../src/modbus/budget.ts';
import { findMap } from '../../src/modbus/maps.ts';

const MOST_POLLS = 1000;

/** Throws what is wrong with them. Numbers may come as text, as forms have them. */
export function pollsOf(value: unknown, mapsFolder: string | undefined): PlannedPoll[] {
  if (!Array.isArray(value) || value.length > MOST_POLLS)
    throw new Error(`polls: expected a list of at most ${MOST_POLLS}`);
  return value.map((poll: Readonly<Record<string, unknown>> | null, at) => {
    const number = (key: string, otherwise: number, [low, high]: [number, number]) => {
      const given = poll?.[key] === undefined || poll[key] === '' ? otherwise : Number(poll[key]);
      if (!(given >= low && given <= high))
        throw new Error(`poll ${at + 1}, ${key}: expected ${low} to ${high}, got ${JSON.stringify(poll?.[key])}`);
      return given;
    };
    const maxWords = number('maxWords', 125, [1, 125]);
    const parameters = String(poll?.['parameters'] ?? '').trim();
    return {
      unit: number('unitId', 1, [0, 255]),
      map: findMap(String(poll?.['map'] ?? ''), mapsFolder, parameters === '' ? {} : JSON.parse(parameters)),
      periodMs: number('periodMs', 1000, [10, 86_400_000]),
      limits: { maxWords, maxBits: maxWords * 16, gapBudget: number('gapBudget', 16, [0, 124]) },
    };
  });
}
