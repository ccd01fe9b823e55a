// Answers that units still owe: serial frames carry no number, so a late answer looks exactly like the one to the next request.
import { answerBytes, isWrite, type ReadRequest, type Request } from './link.ts';
import { functionOf } from './pdu.ts';

/** An answer that has not come after this time never comes. */
const EXPIRES_MS = 60_000;
/** Shapes remembered per unit. */
const MOST = 64;

export type Owed = {
  /** No right answer came in its time. */
  add(request: Request, now: number): void;
  /** Units answer in order: whoever gives an answer that can be no other has given all before it. */
  settled(unit: number): void;
  any(unit: number, now: number): boolean;
  /** A read of another length that must be answered first, where an owed answer could be taken for that of this request. */
  proof(request: Request, now: number): ReadRequest | undefined;
};

/** Function and length: all by which two answers of one unit differ. */
const shapeOf = (request: Request) => `${functionOf(request)}:${answerBytes(request)}`;

export function owedAnswers(): Owed {
  const units = new Map<number, Map<string, number>>();

  function of(unit: number, now: number): Map<string, number> {
    const shapes = units.get(unit) ?? new Map<string, number>();
    for (const [shape, since] of shapes) if (now - since > EXPIRES_MS) shapes.delete(shape);
    if (shapes.size === 0) units.delete(unit);
    return shapes;
  }

  return {
    add(request, now) {
      const shapes = of(request.unit, now);
      shapes.delete(shapeOf(request));
      shapes.set(shapeOf(request), now);
      units.set(request.unit, shapes);
      const [oldest] = shapes.keys();
      if (shapes.size > MOST && oldest !== undefined) shapes.delete(oldest);
    },
    settled: unit => void units.delete(unit),
    any: (unit, now) => of(unit, now).size > 0,
    proof(request, now) {
      const shapes = of(request.unit, now);
      // The confirmation of a write names address and value: what is owed can confirm only the very same write.
      if (isWrite(request) || !shapes.has(shapeOf(request))) return undefined;
      // Lengths of answers change with every register, or with every eighth bit.
      const step = answerBytes({ ...request, count: 2 }) === 1 ? 8 : 1;
      for (let count = 1; count <= MOST * step + 1; count += step) {
        const other = { ...request, count, address: Math.min(request.address, 0x10000 - count) };
        if (!shapes.has(shapeOf(other))) return other;
      }
      return undefined;
    },
  };
}
