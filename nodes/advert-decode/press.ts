// A button that is pressed twice: whoever presses again soon has asked once.
import { systemClock } from '../../src/kernel/clock.ts';

const TWICE_MS = 5000;

/** Asks at a press. One while the answer is not there yet, or so soon after it that `isDone` still holds, gets the same. */
export function pressedOnce(
  ask: (by: string) => Promise<string>,
  isDone: () => boolean,
): (by: string) => Promise<string> {
  /** The last answer, and until when (steady ms) another press is the same one: for ever while it is not there yet. */
  let asked: { answer: Promise<string>; until: number } | undefined;
  return by => {
    const isSame = asked !== undefined && isDone() && systemClock.steady() < asked.until;
    if (asked !== undefined && (isSame || asked.until === Infinity)) return asked.answer;
    const one = { answer: ask(by), until: Infinity };
    asked = one;
    one.answer.then(
      () => (one.until = systemClock.steady() + TWICE_MS),
      () => (one.until = 0),
    );
    return one.answer;
  };
}
