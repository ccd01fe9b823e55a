// For the tests of this room: the fault with which a call has to end.
import assert from 'node:assert/strict';
import { ModbusFault } from './fault.ts';

/** Fails where the call is answered, or ends in anything else. */
export async function faultOf(call: Promise<unknown>): Promise<ModbusFault> {
  const fault = await call.then(
    value => assert.fail(`answered ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  assert.ok(fault instanceof ModbusFault, String(fault));
  return fault;
}
