// Telemetry (C01, C03): the reading itself on the wire, `webscada/{application}/{device}/telemetry` and POST …/telemetry.
import { expected } from '../kernel/fault.ts';
import {
  absent,
  bluetoothName,
  type Draft,
  isJson,
  type Json,
  keepExtra,
  limits,
  type Mapper,
  noNumber,
  numberOf,
  putExtra,
  textOf,
} from './payload.ts';
import { protocols, type Value } from './reading.ts';

const KNOWN: ReadonlySet<string> = new Set(['deviceId', 'protocol', 'timestamp', 'telemetry', 'metadata']);
const TEXTS = [
  'name',
  'firmware',
  'applicationId',
  'sessionId',
  'elementType',
  'elementId',
  'source',
  'rawHex',
] as const;

/**
 * `{ deviceId, protocol, timestamp, telemetry: { metric: number|string|boolean }, metadata }`. Of the metadata only what a
 * device may say is taken as such; digest, receipt, anomaly, organisation and the like are the gateway's own and stay in `extra`.
 */
export const telemetry: Mapper = (payload, draft, topic) => {
  const values = payload['telemetry'];
  if (!isJson(values)) return expected('telemetry', 'an object of metrics', values);
  for (const metric in values) putValue(draft, metric, values[metric]);
  draft.time = payload['timestamp'];
  draft.protocol = protocols.find(one => one === payload['protocol']);
  if (draft.protocol === 'bluetooth') draft.deviceId = bluetoothName(draft.deviceId);
  const application = /^webscada\/([^/]+)\//.exec(topic)?.[1];
  if (application !== undefined) draft.metadata.applicationId = application;
  if (isJson(payload['metadata'])) takeMetadata(draft, payload['metadata']);
  keepExtra(draft, payload, KNOWN);
  return undefined;
};

/**
 * A metric of any kind: numbers (also as text), booleans and text; null and '' are absent with a reason, objects are kept
 * as extra. So is what has no name that a table can hold: the rest of the reading must not go with it.
 */
export function putValue(draft: Draft, metric: string, value: unknown): void {
  if (metric.trim() === '' || metric.length > limits.nameLength) {
    const what = `a name of 1 to ${limits.nameLength} characters`;
    absent(draft, metric.slice(0, limits.nameLength), expected('metric', what, metric));
    putExtra(draft, metric, value);
    return;
  }
  const kept = keptValue(value);
  if (kept !== undefined) draft.telemetry[metric] = kept;
  else if (typeof value === 'object' && value !== null) putExtra(draft, metric, value);
  else if (typeof value === 'number') absent(draft, metric, noNumber(metric, value));
  else if (value !== undefined) absent(draft, metric, expected(metric, 'a value', value));
}

// Texts by which devices say that they have no number.
const NOTHING = /^(?:nan|[+-]?inf(?:inity)?|null|none|undefined|unknown|unavailable)?$/i;
// An identifier such as 007 is no number, though it looks like one.
const IDENTIFIER = /^\s*[+-]?0\d/;

function keptValue(value: unknown): Value | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return numberOf(value);
  if (NOTHING.test(value.trim())) return undefined;
  return (IDENTIFIER.test(value) ? undefined : numberOf(value)) ?? textOf(value);
}

function takeMetadata(draft: Draft, given: Json): void {
  const { metadata } = draft;
  for (const field in given) {
    const value = given[field];
    const number = numberOf(value);
    if (field === 'signalStrength' && number !== undefined) metadata.signalStrength = number;
    else if (field === 'batteryLevel' && number !== undefined) metadata.batteryLevel = number;
    else if (field === 'location' && isPlace(value)) metadata.location = { lat: value.lat, lon: value.lon };
    else if (TEXTS.some(one => one === field)) {
      const text = textOf(value);
      if (text !== undefined) metadata[field] ??= text;
    } else if (field === 'extra' && isJson(value)) for (const name in value) putExtra(draft, name, value[name]);
    else putExtra(draft, field, value);
  }
}

/** A point on the earth, degrees. */
export function isPlace(value: unknown): value is { lat: number; lon: number } {
  if (!isJson(value)) return false;
  const { lat, lon } = value;
  return typeof lat === 'number' && typeof lon === 'number' && Math.abs(lat) <= 90 && Math.abs(lon) <= 180;
}
