// The clock of an outbox: tells how old its rows are, goes on over restarts, and is moved by no step of the wall clock.
import { uptime } from 'node:os';
import type { Clock } from '../../kernel/clock.ts';

/** What the file says of it: the clock itself, and what the wall clock and the uptime of the machine were then; all ms. */
export type ClockNote = readonly [ms: number, wall: number, up: number];

export type OutboxClock = {
  /** Milliseconds; begins with the time of day at which the file was made. */
  ms(): number;
  note(): ClockNote;
};

/** Since the machine was started, ms. */
export const machineUptime = (): number => uptime() * 1000;

/** `last`: what an earlier process has left in the file. */
export function outboxClock(last: ClockNote | undefined, clock: Clock, up = machineUptime): OutboxClock {
  const begin = last === undefined ? clock.now() : last[0] + atLeastSince(last, clock.now(), up());
  const from = clock.steady();
  const ms = (): number => Math.floor(begin + clock.steady() - from);
  return { ms, note: () => [ms(), Math.floor(clock.now()), Math.floor(up())] };
}

/**
 * Time that has surely passed since: as much as both clocks agree on. The wall clock may have been set meanwhile, for one
 * by the network that was away with the peer; the uptime begins anew with the machine, and is another one on another machine.
 */
function atLeastSince([, lastWall, lastUp]: ClockNote, wall: number, up: number): number {
  const byUptime = up >= lastUp ? up - lastUp : up;
  return Math.max(0, Math.min(wall - lastWall, byUptime));
}
