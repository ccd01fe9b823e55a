// Ingest (E05): what a gateway, a phone or a device posts; the form tells which of the seeds' messages it is.
import { fields } from './fields.ts';
import { isJson, type Json, type Mapper } from './payload.ts';
import { measurement } from './measurement.ts';
import { status } from './status.ts';
import { telemetry } from './telemetry.ts';

/** A row's own name for its time, as a client that knows the table sends it. */
const CREATED = 'created_at';

/**
 * `{ device_id, timestamp?, flow_rate, totalizer, … }` (E05, D03), a measurement or status of a laser meter (A01, A03), or
 * the reading itself (C01). Numbers, booleans and texts that nobody knows are metrics of their own.
 */
export const ingest: Mapper = (payload, draft, topic) => {
  const wrong = mapperOf(payload)(payload, draft, topic);
  if (draft.time === undefined && draft.telemetry[CREATED] !== undefined) {
    draft.time = draft.telemetry[CREATED];
    delete draft.telemetry[CREATED];
  }
  return wrong;
};

function mapperOf(payload: Json): Mapper {
  if (isJson(payload['telemetry'])) return telemetry;
  if (payload['type'] === 'status') return status;
  return payload['type'] === 'measurement' || 'value_mm' in payload ? measurement : fields;
}
