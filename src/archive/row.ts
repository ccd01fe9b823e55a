// What is archived of a message: its bytes as received, its JSON where it is some, and the identity of the row.
import { digest, fromHex } from '../kernel/bytes.ts';
import { scannerOf } from '../reading/advert.ts';
import { kindOf } from '../reading/kinds.ts';
import { holds, isBadText, tame } from '../reading/payload.ts';
import { digestOf, type Raw } from '../reading/raw.ts';
import type { Reading, Receipt } from '../reading/reading.ts';
import { neededReceipt, saidTime, timeOf } from '../reading/time.ts';

export type ArchiveRow = {
  scannerId: string;
  topic: string;
  /** The message's own time where it is usable, else that of receipt. */
  timestamp: string;
  /** Milliseconds since the epoch. */
  receivedAt: number;
  bytes: Uint8Array;
  /** JSON text, null where the bytes are none that jsonb takes as it is. */
  payload: string | null;
  /** What jsonb takes of it then: a name that a scanner has filled up with U+0000 must not hide the device. */
  mended?: string | undefined;
  digest: string;
  /** Only where the row may have no time of its own to be recognised by. */
  receipt: Receipt | undefined;
  /** On a second delivery: the message's own time that was not usable now, but may have been at the first. */
  said?: string | undefined;
  orgId: string | undefined;
  /** JSON of what a replay cannot know from the rest, null where there is nothing to say. */
  metadata: string | null;
  /** Entry of its message in the ledger, which it carries through an outbox. */
  entry?: string | undefined;
};

/** What of a raw message stands neither in a column nor in its bytes. */
export type RawMetadata = Partial<Pick<Raw, 'topic' | 'protocol' | 'deviceId' | 'signalStrength'>>;

/** `now` stands in for a time of receipt that cannot be. */
export function archiveRow(raw: Raw, now: number): ArchiveRow {
  const receivedAt = possible(raw.receivedAt, now);
  const { payload, mended, value } = parsed(raw.bytes);
  const given = typeof value === 'object' && value !== null ? (value as { timestamp?: unknown }).timestamp : undefined;
  const time = timeOf(given, receivedAt);
  return {
    scannerId: indexed(scannerOf(value, raw.topic) ?? raw.source),
    topic: indexed(raw.topic),
    timestamp: time.timestamp,
    receivedAt,
    bytes: raw.bytes,
    payload,
    mended,
    digest: digestOf(raw),
    receipt: neededReceipt(time, raw.receipt),
    said: raw.receipt?.redelivered ? saidTime(time.deviceTimestamp, now) : undefined,
    orgId: raw.orgId,
    metadata: metadataOf(raw),
    entry: raw.entry,
  };
}

/** Messages of MQTT, the many, need no metadata. */
function metadataOf(raw: RawMetadata): string | null {
  const protocol = raw.protocol === 'mqtt' ? undefined : raw.protocol;
  const deviceId = raw.deviceId?.replaceAll('\0', '').toWellFormed();
  const signalStrength = Number.isFinite(raw.signalStrength) ? raw.signalStrength : undefined;
  const topic = raw.topic === undefined || indexed(raw.topic) === raw.topic ? undefined : raw.topic.toWellFormed();
  if ((topic ?? protocol ?? deviceId ?? signalStrength) === undefined) return null;
  return JSON.stringify({ topic, protocol, deviceId, signalStrength });
}

/** Characters of a text in the index of identities, which takes 2,704 bytes of scanner and topic together. */
const INDEXED = 400;

/** MQTT allows topics of 65,535 bytes: a long one by its beginning and its digest. */
function indexed(text: string): string {
  return text.length <= INDEXED ? text : `${text.slice(0, INDEXED).toWellFormed()} ${digest(text)}`;
}

/** Row of a reading whose source has no message to archive but keeps the frame in `metadata.raw`; undefined without one. */
export function archiveRowOf(reading: Reading, now: number): ArchiveRow | undefined {
  const { raw, scannerId, receipt, orgId, entry } = reading.metadata;
  const bytes = raw === undefined ? undefined : fromHex(raw.hex);
  if (raw === undefined || bytes === undefined) return undefined;
  const receivedAt = possible(reading.metadata.receivedAt, now);
  const message = kindOf(raw.topic) === 'message';
  return {
    scannerId: scannerId ?? reading.protocol,
    topic: raw.topic,
    timestamp: timeOf(reading.timestamp, receivedAt).timestamp,
    receivedAt,
    bytes,
    ...(message ? textsOf(parsed(bytes)) : { payload: null }),
    digest: digest(bytes),
    receipt,
    orgId,
    metadata: message ? metadataOf({ protocol: reading.protocol, deviceId: reading.deviceId }) : null,
    entry,
  };
}

const DAY_MS = 86_400_000;
function possible(receivedAt: number | undefined, now: number): number {
  return receivedAt !== undefined && receivedAt > 0 && receivedAt < now + DAY_MS ? receivedAt : now;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

type Parsed = { payload: string | null; mended?: string | undefined; value: unknown };
const textsOf = ({ payload, mended }: Parsed) => ({ payload, mended });

function parsed(bytes: Uint8Array): Parsed {
  if (!mayBeJson(bytes)) return { payload: null, value: undefined };
  try {
    const text = utf8.decode(bytes);
    const value: unknown = JSON.parse(text);
    if (!refusedByJsonb(text, value)) return { payload: text, value };
    return { payload: null, mended: JSON.stringify(tame(value, text)), value };
  } catch {
    return { payload: null, value: undefined };
  }
}

/** First byte of a JSON text, after blanks: `{ [ " -`, a digit, or t, f, n. Spares binary frames the attempt. */
function mayBeJson(bytes: Uint8Array): boolean {
  const first = bytes.find(byte => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09);
  return first !== undefined && '{["-0123456789tfn'.includes(String.fromCharCode(first));
}

/** jsonb takes neither U+0000 nor half a surrogate pair nor a number without end; only texts that could hold them are searched. */
function refusedByJsonb(text: string, value: unknown): boolean {
  return /\\u(0000|[dD][89a-fA-F])|\d[eE]\+?\d{3}/.test(text) && holds(value, isRefused);
}

function isRefused(found: unknown): boolean {
  return typeof found === 'string' ? isBadText(found) : typeof found === 'number' && !Number.isFinite(found);
}
