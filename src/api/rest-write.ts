// Writes of /rest/v1: measurements go into the flow as http-ingest's do, inspections into their table; what was written can be read back.
import { digest } from '../kernel/bytes.ts';
import { expected } from '../kernel/fault.ts';
import type { Query } from '../reading/contracts.ts';
import { finished } from '../reading/finished.ts';
import { measurement } from '../reading/measurement.ts';
import { type Draft, isJson, type Json } from '../reading/payload.ts';
import type { Principal } from '../reading/principal.ts';
import type { Reading } from '../reading/reading.ts';
import { UUID } from './fields.ts';
import { insertInspections } from './inspections.ts';
import type { Intake } from './intake.ts';
import { postedName, timeFault } from './posted.ts';
import { Refused, restProblem } from './rest-problem.ts';
import type { RestTable } from './rest-tables.ts';

const MAX_ROWS = 1000;

/** Condition (with its values, numbered from $1) that finds the rows which were written. */
export type Written = { condition: string; values: readonly unknown[] };

/** The rows of a body, one or an array, with columns of the table only. Throws Refused. */
export function rowsOf(body: unknown, table: RestTable, principal: Principal): readonly Json[] {
  const rows = Array.isArray(body) ? body : [body];
  if (rows.length > MAX_ROWS) throw wrong(413, `body: expected at most ${MAX_ROWS} rows`);
  return rows.map(row => rowOf(row, table, principal));
}

/** One row or change, checked; the organisation is that of the client. */
export function rowOf(row: unknown, table: RestTable, { org }: Principal): Json {
  if (!isJson(row)) throw wrong(400, expected('body', 'an object or an array of them', row));
  // A01 says what it is; the table does so by its name.
  const { type: _type, ...given } = table.name === 'measurements' ? row : { ...row, type: undefined };
  for (const name of Object.keys(given)) {
    if (table.writable?.includes(name)) continue;
    const says = `Could not find the '${name.slice(0, 80)}' column of '${table.name}' among those that can be written`;
    throw new Refused(restProblem(400, 'PGRST204', says, table.writable?.join(', ')));
  }
  if (org !== undefined && given['org_id'] !== undefined && given['org_id'] !== org)
    throw new Refused(restProblem(403, '42501', `org_id: expected ${org}, the organisation of the token`));
  return org === undefined ? given : { ...given, org_id: org };
}

/** Readings of the rows, in order. Throws Refused with the first fault. */
function readingsOf(rows: readonly Json[], principal: Principal, nowMs: number): readonly Reading[] {
  return rows.map((row, at) => {
    const where = rows.length > 1 ? `row ${at + 1}: ` : '';
    const text = JSON.stringify(row);
    const { device_id, org_id, ...payload } = row;
    const posted = postedName('device_id', device_id);
    if ('fault' in posted) throw wrong(400, where + posted.fault, '23502');
    const untimely = timeFault('timestamp', payload['timestamp']);
    if (untimely !== undefined) throw wrong(400, where + untimely, '22007');
    const draft: Draft = { deviceId: posted.name, protocol: undefined, time: undefined, telemetry: {}, metadata: {} };
    const fault = measurement(payload, draft, '');
    if (fault !== undefined) throw wrong(400, where + fault, '22P02');
    const origin = { receivedAt: nowMs, source: principal.subject ?? 'rest', protocol: 'http' } as const;
    const reading = finished(draft, origin, { digest: digest(text), parser: 'measurement', receiptSuffix: '' });
    if (typeof org_id === 'string') reading.metadata.orgId = org_id;
    reading.metadata.raw = { topic: 'http/rest/measurements', hex: Buffer.from(text).toString('hex') };
    return reading;
  });
}

/** Resolves when the rows are committed. Throws Refused; rejects with a Fault of kind outage. */
export async function insertMeasurements(
  rows: readonly Json[],
  principal: Principal,
  intake: Intake | undefined,
  nowMs: number,
): Promise<Written> {
  if (intake === undefined)
    throw new Refused(restProblem(503, 'PGRST000', 'measurements: expected an http-ingest node in the flow, got none'));
  const readings = readingsOf(rows, principal, nowMs);
  const endings = await intake(readings);
  const refused = endings.find(({ end }) => end === 'deadLetters');
  if (refused !== undefined) throw wrong(400, refused.reason ?? 'the row was refused and is a dead letter', '22000');
  return {
    condition: `(device_id, timestamp, digest) IN (SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::uuid[]))`,
    values: [
      readings.map(({ deviceId }) => deviceId),
      readings.map(({ timestamp }) => timestamp),
      readings.map(({ metadata }) => metadata.digest),
    ],
  };
}

export async function insertInspectionRows(rows: readonly Json[], query: Query): Promise<Written> {
  for (const row of rows) checkInspection(row);
  return byIds(await insertInspections(query, rows));
}

/** PostgREST takes what the column takes; here texts are texts and `data` is any JSON. */
export function checkInspection(row: Json): void {
  for (const [name, value] of Object.entries(row)) {
    if (name === 'id' && !(typeof value === 'string' && UUID.test(value)))
      throw wrong(400, `invalid input syntax for type uuid: ${JSON.stringify(value)?.slice(0, 80)}`, '22P02');
    if (name === 'status' && value === null) throw wrong(400, 'status: expected a text, got null', '23502');
    if (name !== 'data' && name !== 'metadata' && value !== null && typeof value !== 'string')
      throw wrong(400, expected(name, 'a text', value), '22P02');
  }
}

export function byIds(ids: readonly string[]): Written {
  return { condition: 'id = ANY ($1::uuid[])', values: [ids] };
}

function wrong(status: number, detail: string, code = 'PGRST102'): Refused {
  return new Refused(restProblem(status, code, detail));
}
