// Finished: a draft that a mapper has filled becomes a reading, with its time, its identity and where it came from.
import { organisationOf } from './demo.ts';
import type { Draft } from './payload.ts';
import type { Raw } from './raw.ts';
import type { Reading } from './reading.ts';
import { neededReceipt, type TimeLimits, timeLimits, timeOf } from './time.ts';

/** What is known of the message that the draft was read from. */
export type Origin = Pick<Raw, 'receivedAt' | 'source' | 'protocol' | 'signalStrength' | 'orgId' | 'receipt'>;

export type Making = {
  /** Of the message, or of the item where one message holds several. */
  digest: string;
  /** Name of the format. */
  parser: string;
  /** Tells the items of one message apart in its receipt. */
  receiptSuffix: string;
};

/** `draft.deviceId` must be there. */
export function finished(draft: Draft, origin: Origin, making: Making, limits: TimeLimits = timeLimits): Reading {
  const time = timeOf(draft.time, origin.receivedAt, limits);
  const { metadata } = draft;
  const deviceId = draft.deviceId as string;
  metadata.digest = making.digest;
  metadata.receivedAt = origin.receivedAt;
  metadata.scannerId ??= origin.source;
  metadata.parser = making.parser;
  const { orgId = organisationOf(deviceId).orgId } = origin;
  if (orgId !== undefined) metadata.orgId = orgId;
  if (origin.signalStrength !== undefined) metadata.signalStrength ??= origin.signalStrength;
  if (time.timestampSource !== undefined) {
    metadata.timestampSource = time.timestampSource;
    if (time.deviceTimestamp !== undefined) metadata.deviceTimestamp = time.deviceTimestamp;
  }
  const receipt = neededReceipt(time, origin.receipt);
  if (receipt !== undefined) metadata.receipt = { ...receipt, key: receipt.key + making.receiptSuffix };
  return {
    deviceId,
    protocol: draft.protocol ?? origin.protocol,
    timestamp: time.timestamp,
    telemetry: draft.telemetry,
    metadata,
  };
}
