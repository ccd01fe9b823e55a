// What raw-archive keeps of a message: raw messages of ours, frames of readings, and what stock nodes give.
import { type ArchiveRow, archiveRow, archiveRowOf } from '../../src/archive/row.ts';
import { fromHex } from '../../src/kernel/bytes.ts';
import type { Message } from '../../src/palette/define.ts';
import { kindOf } from '../../src/reading/kinds.ts';
import { isRaw, type Raw } from '../../src/reading/raw.ts';
import { isReading, membersOf } from '../../src/reading/reading.ts';
import { receivedAtOf } from '../../src/reading/received.ts';
import { isBatch, rawOf } from '../../src/stream/intake.ts';

/** What a stock node gives passes as it came, with the time of its receipt beside it in `receivedAt`. */
export function rowsOf(message: Message): readonly ArchiveRow[] {
  const now = Date.now();
  const { payload, topic } = message;
  // An array without one of ours is one message, as stock nodes have parsed it.
  const members = isBatch(payload) || membersOf(payload).some(isReading) ? membersOf(payload) : [payload];
  return members.flatMap(member => {
    if (isReading(member)) return archiveRowOf(member, now) ?? [];
    if (isRaw(member)) return archiveRow(member, now);
    const receivedAt = receivedAtOf(message, now);
    const raw = rawOfStock(member, typeof topic === 'string' ? topic : '', receivedAt);
    if (raw === undefined) return [];
    message['receivedAt'] = receivedAt;
    return archiveRow(raw, now);
  });
}

/** Undefined for nothing, and for what JSON cannot hold. */
function rawOfStock(payload: unknown, topic: string, receivedAt: number): Raw | undefined {
  if (payload === undefined || payload === null) return undefined;
  // As laser-decode takes a frame from a stock node; the archive gives bytes.
  const frame = kindOf(topic) === 'frame' && typeof payload === 'string' ? fromHex(payload) : undefined;
  try {
    return rawOf(frame ?? payload, topic, receivedAt);
  } catch {
    return undefined;
  }
}
