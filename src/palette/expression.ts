// JSONata for nodes and dialogs, as Node-RED brings it.
import { Fault, reasonOf } from '../kernel/fault.ts';
import type { Expression } from './define.ts';
import type { Red, RedNode } from './red.ts';

/** One message is worth no more: an expression that has no end would hold up everything else. */
const [LIMIT_MS, LIMIT_DEPTH] = [500, 2000];

/** JSONata calls it at every step. */
function guard(_step: unknown, _input: unknown, { base }: { base: { timestamp: Date; depth: number } }): void {
  if (base.depth > LIMIT_DEPTH || Date.now() - base.timestamp.getTime() > LIMIT_MS)
    throw new Error(`stopped after ${LIMIT_MS} ms or at a depth of ${LIMIT_DEPTH}: has it an end?`);
}

/** `node` lends its flow, global and environment. Throws a Fault FIELDLINE_SETTING where the text is no expression. */
export function expressionOf({ util }: Pick<Red, 'util'>, text: string, node?: RedNode): Expression {
  let prepared: ReturnType<typeof util.prepareJSONataExpression>;
  try {
    prepared = util.prepareJSONataExpression(text, node);
    prepared.assign(Symbol.for('jsonata.__evaluate_entry'), guard);
  } catch (error) {
    const { message, position } = error as { message?: string; position?: number };
    const place = position === undefined ? '' : ` at character ${position}`;
    throw new Fault('FIELDLINE_SETTING', `Expression: expected JSONata, got ${message ?? reasonOf(error)}${place}`);
  }
  return input =>
    new Promise((resolve, reject) => {
      // After one that was stopped, whatever else waits has its turn first.
      util.evaluateJSONataExpression(prepared, input, (error, value) =>
        error ? void setImmediate(reject, error) : resolve(value),
      );
    });
}
