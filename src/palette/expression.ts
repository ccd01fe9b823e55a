// JSONata for nodes and dialogs, as Node-RED brings it.
import { Fault, reasonOf } from '../kernel/fault.ts';
import type { Expression } from './define.ts';
import type { Red, RedNode } from './red.ts';

/** `node` lends its flow, global and environment. Throws a Fault FIELDLINE_SETTING where the text is no expression. */
export function expressionOf({ util }: Pick<Red, 'util'>, text: string, node?: RedNode): Expression {
  let prepared: object;
  try {
    prepared = util.prepareJSONataExpression(text, node);
  } catch (error) {
    const { message, position } = error as { message?: string; position?: number };
    const place = position === undefined ? '' : ` at character ${position}`;
    throw new Fault('FIELDLINE_SETTING', `Expression: expected JSONata, got ${message ?? reasonOf(error)}${place}`);
  }
  return input =>
    new Promise((resolve, reject) => {
      util.evaluateJSONataExpression(prepared, input, (error, value) => (error ? reject(error) : resolve(value)));
    });
}
