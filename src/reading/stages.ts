// How long a reading takes from stage to stage: device → receipt → commit → push, as histograms in seconds.
import { histogram } from './histogram.ts';
import { milliseconds } from './instant.ts';
import type { Reading } from './reading.ts';

const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600];
const stage = (name: string) => histogram('fieldline_stage_seconds', BOUNDS, { stage: name });
const deviceToReceipt = stage('device_to_receipt');
const receiptToCommit = stage('receipt_to_commit');
const commitToPush = stage('commit_to_push');

// A symbol: it travels with the reading, and no JSON and no table ever shows it.
const COMMITTED = Symbol('fieldline.committed');
type Marked = Reading['metadata'] & { [COMMITTED]?: number };

/** Stands for the ledger's entry of what a replay brings; a dead letter that is sent again has an entry of its own. */
export const replayEntry = (id: number): string => `replay/${id}`;
const OF_REPLAY = /^replay\//;
export const isReplayEntry = (entry: string | undefined): entry is string =>
  entry !== undefined && OF_REPLAY.test(entry);
const BEFORE = /^(replay|letter)\//;

/**
 * The reading is in the database since `nowMs`; a clock that was stepped meanwhile counts as no time. What was received
 * long ago, and is only now made into this reading, tells nothing of how long a reading takes.
 */
export function noteCommitted({ timestamp, metadata }: Reading, nowMs: number): void {
  (metadata as Marked)[COMMITTED] = nowMs;
  const { receivedAt, entry = '' } = metadata;
  if (receivedAt === undefined || BEFORE.test(entry)) return;
  receiptToCommit(seconds(receivedAt, nowMs));
  if (metadata.timestampSource === undefined) deviceToReceipt(seconds(milliseconds(timestamp), receivedAt));
}

/** The reading has been handed to the live clients; nothing where it was not committed in this process. */
export function notePushed({ metadata }: Reading, nowMs: number): void {
  const committedAt = (metadata as Marked)[COMMITTED];
  if (committedAt !== undefined) commitToPush(seconds(committedAt, nowMs));
}

function seconds(from: number, to: number): number {
  return Math.max(0, to - from) / 1000 || 0;
}
