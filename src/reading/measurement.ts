// Measurement (A01): one distance of a laser meter, from the phone app, the bridge or an ESP32, and to whoever reads them.
import { expected } from '../kernel/fault.ts';
import { bluetoothName, type Json, keepExtra, type Mapper, noNumber, numberOf, putNumber, textOf } from './payload.ts';
import type { Metadata, Reading } from './reading.ts';

/** Text fields of the message and where a reading keeps them. */
const TEXTS = [
  ['raw_hex', 'rawHex'],
  ['session_id', 'sessionId'],
  ['element_type', 'elementType'],
  ['element_id', 'elementId'],
  ['source', 'source'],
] as const satisfies readonly (readonly [string, keyof Metadata])[];

const KNOWN: ReadonlySet<string> = new Set([
  'type',
  'value_mm',
  'device_id',
  'anomaly_score',
  'timestamp',
  ...TEXTS.map(([field]) => field),
]);

/** `{ type: 'measurement', value_mm, raw_hex, device_id, session_id, element_type, element_id, source, anomaly_score, timestamp }`. */
export const measurement: Mapper = (payload, draft) => {
  if (payload['type'] !== undefined && payload['type'] !== 'measurement')
    return expected('type', '"measurement"', payload['type']);
  putNumber(draft, 'value_mm', payload['value_mm']);
  if (draft.telemetry['value_mm'] === undefined) return noNumber('value_mm', payload['value_mm']);
  draft.deviceId = bluetoothName(draft.deviceId);
  draft.time = payload['timestamp'];
  takeTexts(payload, draft.metadata);
  const score = numberOf(payload['anomaly_score']);
  if (score !== undefined) draft.metadata.receivedScore = score;
  keepExtra(draft, payload, KNOWN);
  return undefined;
};

function takeTexts(payload: Json, metadata: Metadata): void {
  for (const [field, name] of TEXTS) {
    const text = textOf(payload[field]);
    if (text !== undefined) metadata[name] = text;
  }
}

/** The message of a reading, without what it does not know; undefined where it has no distance. */
export function measurementOf({ deviceId, timestamp, telemetry, metadata }: Reading): Json | undefined {
  const value = telemetry['value_mm'];
  if (typeof value !== 'number') return undefined;
  const texts = TEXTS.flatMap(([field, name]) => (metadata[name] === undefined ? [] : [[field, metadata[name]]]));
  const score = metadata.receivedScore ?? metadata.anomaly?.score;
  return {
    type: 'measurement',
    value_mm: value,
    device_id: deviceId,
    ...Object.fromEntries(texts),
    ...(score === undefined ? {} : { anomaly_score: score }),
    timestamp,
  };
}
