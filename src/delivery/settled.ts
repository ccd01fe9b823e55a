// How an emission has settled, also where it was never answered.
import { reasonOf } from '../kernel/fault.ts';
import type { Settled } from '../kernel/ticket.ts';

/** A rejection counts as unfinished. */
export async function settledBy<Message>(
  emit: (message: Message) => Promise<Settled>,
  message: Message,
): Promise<Settled> {
  try {
    return await emit(message);
  } catch (error) {
    return { ok: false, kind: 'unfinished', reason: reasonOf(error) };
  }
}
