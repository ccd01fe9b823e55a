// Normalize: JSON messages of every kind become readings, by topic table and field map; what cannot is rejected with its reason.
import { digest } from '../kernel/bytes.ts';
import { expected } from '../kernel/fault.ts';
import { energy } from '../reading/energy.ts';
import { fields } from '../reading/fields.ts';
import { finished } from '../reading/finished.ts';
import { heartbeat, isHeartbeat } from '../reading/heartbeat.ts';
import { ingest } from '../reading/ingest.ts';
import { measurement } from '../reading/measurement.ts';
import {
  type Draft,
  deviceName,
  isJson,
  type Json,
  type Mapper,
  numberOf,
  parseJson,
  putExtra,
  shallowEnough,
  tame,
  textDamage,
} from '../reading/payload.ts';
import { digestOf, type Raw } from '../reading/raw.ts';
import type { Metadata, Reading } from '../reading/reading.ts';
import { status } from '../reading/status.ts';
import { telemetry } from '../reading/telemetry.ts';
import { type TimeLimits, timeLimits } from '../reading/time.ts';
import { type FieldRule, fieldMap } from './fieldmap.ts';
import { type Route, type TopicRule, topicTable } from './route.ts';

/** Formats a rule can name. `bare`: the metric of a payload that is a lone number. */
const FORMATS = {
  energy: { map: energy },
  heatpump: { map: fields, bare: 'value' },
  temperature: { map: fields, bare: 'temperature' },
  measurement: { map: measurement },
  status: { map: status },
  heartbeat: { map: heartbeat },
  telemetry: { map: telemetry },
  ingest: { map: ingest },
  fields: { map: fields, bare: 'value' },
  // What the expression makes of a message, in any form that ingest takes.
  expression: { map: ingest },
} as const satisfies Record<string, { map: Mapper; bare?: string }>;

export type Format = keyof typeof FORMATS;
export const formatNames = Object.keys(FORMATS) as readonly Format[];

/** The table of the seeds' topics; the last rule takes any device's own JSON. */
export const defaultTable: readonly TopicRule<Format>[] = [
  { filter: 'homelab/energy/#', format: 'energy', device: 'last' },
  { filter: 'homelab/heatpump/#', format: 'heatpump', device: 'last' },
  { filter: 'homelab/temperature/#', format: 'temperature', device: 'last' },
  { filter: 'scarnergy/measurements/#', format: 'measurement', device: 'device_id | last' },
  { filter: 'scarnergy/status/#', format: 'status', device: 'device_id | last' },
  { filter: 'webscada/+/+/telemetry', format: 'telemetry', device: 'deviceId | 3' },
  { filter: 'bt-mqtt/scanner/+/status', format: 'heartbeat', device: 'scanner_id | 3' },
  { filter: 'http/#', format: 'ingest', device: 'deviceId | device_id' },
  { filter: '#', format: 'fields', device: 'deviceId | device_id | last' },
];

/** Kinds of rejection: the label under which they are counted. */
export type RejectKind =
  | 'no rule'
  | 'too large'
  | 'not JSON'
  | 'too deep'
  | 'wrong shape'
  | 'no device'
  | 'no value'
  | 'expression';
export type Reject = { kind: RejectKind; reason: string };
/** A message may hold several items; each becomes a reading or a reject. */
export type Normalized = { readings: readonly Reading[]; rejected: readonly Reject[] };

export type NormalizeOptions = {
  table?: readonly TopicRule<Format>[];
  map?: readonly FieldRule[];
  /** Larger messages are rejected unread. */
  maxBytes?: number;
  limits?: TimeLimits;
  /** Adds to each reading when it was read and from which topic (D02); the clock for that. */
  enrich?: { now(): number };
};

export type Normalizer = {
  (raw: Raw): Normalized;
  /** Named levels of a topic whose messages go through the expression first; undefined for all others. */
  computes(topic: string): Readonly<Record<string, string>> | undefined;
};

/** A raw message and what the expression has made of it. */
export type Computed = Raw & { computed: { value: unknown } | { fault: string } };

const MAX_METRICS = 500;
/** Of a message: a few bytes each make a reading of a kilobyte. */
export const MAX_ITEMS = 10_000;
const NONE: readonly never[] = [];

/** Compiles table and map; the function it gives is pure. Throws a Fault (FIELDLINE_SETTING) for a wrong rule. */
export function normalizer(options: NormalizeOptions = {}): Normalizer {
  const { table = defaultTable, map = [], maxBytes = 256 * 1024, limits = timeLimits, enrich } = options;
  const routeOf = topicTable(table);
  const applyMap = map.length > 0 ? fieldMap(map) : undefined;

  const readItem = (item: unknown, route: Route<Format>, raw: Raw, identity: string, receiptSuffix: string) => {
    const { bare } = FORMATS[route.format] as { bare?: string };
    const payload = isJson(item) ? item : bareValue(item, bare === undefined ? bare : (route.levels['metric'] ?? bare));
    if (payload === undefined) return reject('wrong shape', expected('payload', 'a JSON object', item));
    // A rule for any device's own JSON takes its device from the topic, whose last level is the word status here.
    const isBeat = route.format === 'fields' && isHeartbeat(raw.topic, payload);
    const format = isBeat ? 'heartbeat' : route.format;
    const mapper: Mapper = FORMATS[format].map;
    const deviceId = isBeat ? deviceName(payload['scanner_id']) : (route.deviceOf(payload) ?? raw.deviceId);
    if (deviceId === undefined) return reject('no device', expected('device', 'a name in topic or payload', raw.topic));
    const draft: Draft = { deviceId, protocol: undefined, time: undefined, telemetry: {}, metadata: {} };
    applyMap?.(payload, draft);
    const wrong = mapper(payload, draft, raw.topic);
    if (wrong !== undefined) return reject('wrong shape', wrong);
    const metrics = Object.keys(draft.telemetry).length;
    // One that is absent for a reason becomes a row as well.
    const count = metrics + Object.keys(draft.metadata.quality ?? {}).length;
    if (count > MAX_METRICS) return reject('wrong shape', expected('payload', `at most ${MAX_METRICS} metrics`, count));
    // A device that sends only bad numbers is alive all the same: that is a reading, with the reasons in its quality.
    if (metrics === 0 && draft.metadata.quality === undefined)
      return reject('no value', expected('payload', `a value of the format ${format}`, payload));
    takeLevels(route.levels, draft);
    const made = { digest: identity, parser: format, receiptSuffix };
    const reading = finished(draft, raw, made, limits);
    if (enrich !== undefined) {
      reading.metadata['processedAt'] = new Date(enrich.now()).toISOString();
      reading.metadata['sourceTopic'] = raw.topic;
    }
    return reading;
  };

  /** Each item of an array by itself; `identityOf` tells its items apart. */
  const readAll = (
    items: readonly unknown[],
    route: Route<Format>,
    raw: Raw,
    identityOf: (item: unknown, at: number) => string,
  ): Normalized => {
    if (items.length === 0) return refused('no value', expected('payload', 'at least one item', items));
    const readings: Reading[] = [];
    const rejected: Reject[] = [];
    for (const [at, item] of items.entries()) {
      const one = readItem(item, route, raw, identityOf(item, at), `/${at}`);
      if ('telemetry' in one) readings.push(one);
      else rejected.push({ ...one, reason: `item ${at + 1}: ${one.reason}` });
    }
    return { readings, rejected };
  };

  const readOne = (item: unknown, route: Route<Format>, raw: Raw): Normalized => {
    const one = readItem(item, route, raw, digestOf(raw), '');
    return 'telemetry' in one ? { readings: [one], rejected: NONE } : { readings: NONE, rejected: [one] };
  };

  /** The identity is that of the message: an expression that is changed and replayed makes the same rows. */
  const readComputed = ({ computed, ...raw }: Computed, route: Route<Format>): Normalized => {
    if ('fault' in computed) return refused('expression', computed.fault);
    const { value } = computed;
    if (value === undefined || value === null)
      return refused('expression', expected('expression', 'an object or several', 'nothing'));
    if (!shallowEnough(value)) return refused('too deep', expected('expression', 'at most 32 levels', 'more'));
    if (!Array.isArray(value)) return readOne(value, route, raw);
    return readAll(value, route, raw, (_item, at) => digest(`${digestOf(raw)}/${at}`));
  };

  const read = (raw: Raw): Normalized => {
    const route = routeOf(raw.topic);
    if (route === undefined) return refused('no rule', expected('topic', 'one of the topic table', raw.topic));
    if ('computed' in raw) return readComputed(raw as Computed, route);
    const { bytes } = raw;
    if (bytes.byteLength > maxBytes)
      return refused('too large', expected('payload', `at most ${maxBytes} bytes`, bytes.byteLength));
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
    const parsed = parseJson(text);
    if (parsed === undefined) return refused('not JSON', expected('payload', 'JSON', text.slice(0, 150)));
    if (!shallowEnough(parsed)) return refused('too deep', expected('payload', 'at most 32 levels', 'more'));
    if (!Array.isArray(parsed)) return readOne(tame(parsed, text), route, raw);
    if (parsed.length > MAX_ITEMS)
      return refused('too large', expected('payload', `at most ${MAX_ITEMS} items`, parsed.length));
    const identities = parsed.map((item: unknown) => digest(JSON.stringify(item)));
    return readAll(tame(parsed, text) as unknown[], route, raw, (_item, at) => identities[at]!);
  };
  const normalize = (raw: Raw): Normalized => {
    const normalized = read(raw);
    const repaired = normalized.readings.length > 0 ? textDamage(raw.bytes) : undefined;
    if (repaired !== undefined) for (const { metadata } of normalized.readings) metadata.repaired = repaired;
    return normalized;
  };
  const computes = (topic: string) => {
    const route = routeOf(topic);
    return route?.format === 'expression' ? route.levels : undefined;
  };
  return Object.assign(normalize, { computes });
}

/** Levels of these names stand for what a reading knows itself; all others are kept as fields that nobody knows. */
const KNOWN_LEVELS: Readonly<Record<string, keyof Metadata>> = {
  application: 'applicationId',
  session: 'sessionId',
  element: 'elementId',
};

function takeLevels(levels: Readonly<Record<string, string>>, draft: Draft): void {
  for (const [name, value] of Object.entries(levels)) {
    const known = Object.hasOwn(KNOWN_LEVELS, name) ? KNOWN_LEVELS[name] : undefined;
    if (known !== undefined) draft.metadata[known] ??= value;
    else if (name !== 'metric' && name !== 'device') putExtra(draft, name, value);
  }
}

function reject(kind: RejectKind, reason: string): Reject {
  return { kind, reason };
}

function refused(kind: RejectKind, reason: string): Normalized {
  return { readings: NONE, rejected: [{ kind, reason }] };
}

/** Thermometers that publish nothing but `21.5`. */
function bareValue(item: unknown, metric: string | undefined): Json | undefined {
  if (metric === undefined || (typeof item !== 'boolean' && numberOf(item) === undefined)) return undefined;
  return { [metric]: item };
}
