// How a poll is doing: what its last round brought, how often, and what is missing.
import type { ModbusFault } from './fault.ts';

/** ok: all registers answered. partial: some did. failing: none. */
export type Health = {
  state: 'starting' | 'ok' | 'partial' | 'failing';
  faults: readonly ModbusFault[];
  /** Of these, those that the last poll met; the others are remembered from one before it. */
  met: readonly ModbusFault[];
  /** Metrics of the last poll that came, and that did not. */
  values: number;
  absent: Readonly<Record<string, string>>;
  /** Metrics whose registers came in the last poll, and are no value. */
  unusable: number;
  polls: number;
  overruns: number;
  /** Steady milliseconds of the last reading. */
  lastReadingAt: number | undefined;
  /** Readings a second, smoothed over the last few. */
  ratePerS: number;
  /** Milliseconds that the last poll took. */
  tookMs: number;
};

export const starting = (): Health => ({
  state: 'starting',
  faults: [],
  met: [],
  values: 0,
  absent: {},
  unusable: 0,
  polls: 0,
  overruns: 0,
  lastReadingAt: undefined,
  ratePerS: 0,
  tookMs: 0,
});

export function noteReading(health: Health, now: number): void {
  if (health.lastReadingAt !== undefined && now > health.lastReadingAt) {
    const rate = 1000 / (now - health.lastReadingAt);
    health.ratePerS = health.ratePerS === 0 ? rate : 0.8 * health.ratePerS + 0.2 * rate;
  }
  health.lastReadingAt = now;
}

/** The health of several rounds of one unit. */
export function together(rounds: readonly Health[]): Health {
  const sum = (of: (round: Health) => number) => rounds.reduce((total, round) => total + of(round), 0);
  const started = rounds.filter(({ state }) => state !== 'starting');
  const readings = rounds.flatMap(({ lastReadingAt }) => lastReadingAt ?? []);
  const [state = 'starting', ...others] = new Set(started.map(round => round.state));
  return {
    state: others.length === 0 ? state : 'partial',
    faults: rounds.flatMap(({ faults }) => faults),
    met: rounds.flatMap(({ met }) => met),
    values: sum(({ values }) => values),
    absent: Object.assign({}, ...rounds.map(({ absent }) => absent)) as Record<string, string>,
    unusable: sum(({ unusable }) => unusable),
    polls: sum(({ polls }) => polls),
    overruns: sum(({ overruns }) => overruns),
    lastReadingAt: readings.length === 0 ? undefined : Math.max(...readings),
    ratePerS: sum(({ ratePerS }) => ratePerS),
    tookMs: Math.max(...rounds.map(({ tookMs }) => tookMs)),
  };
}
