// Entries in the ledger for what a flow has made anew, in a function node mostly: it carries none of its own.
import { isRaw } from './raw.ts';
import { entriesOf, entryOf, isReading, membersOf } from './reading.ts';

/**
 * Entries of each member of a payload. `sent`: what the source sent. A member without an entry comes from the one message
 * that was sent, or from the one in its place where as many were sent; of others nobody can tell.
 */
export function entriesOfMembers(payload: unknown, sent: readonly unknown[] = []): readonly (readonly string[])[] {
  const members = membersOf(payload);
  return members.map((member, at) => {
    const own = entriesOf(member);
    if (own.length > 0) return own;
    return entriesOf(sent.length === 1 ? sent[0] : sent.length === members.length ? sent[at] : undefined);
  });
}

/** Gives readings and raw messages without an entry theirs, which goes on with them, through an outbox too. */
export function adopt(payload: unknown, sent: readonly unknown[] | undefined): void {
  const members = membersOf(payload);
  if (sent === undefined || members.every(member => entryOf(member) !== undefined)) return;
  const entries = entriesOfMembers(payload, sent);
  for (const [at, member] of members.entries()) {
    const [entry] = entries[at]!;
    if (entry === undefined) continue;
    // Readings may share what a function node has given to all of them.
    if (isReading(member)) member.metadata = { ...member.metadata, entry };
    else if (isRaw(member)) member.entry = entry;
  }
}
