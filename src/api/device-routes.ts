// /api/devices: the list with the latest data, one device, and what an operator may change of it.
import { z } from 'zod';
import { boundedMap } from '../kernel/bounded.ts';
import { digest } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Query } from '../reading/contracts.ts';
import { instant, json, maybeInstant, number, words } from './answer-schemas.ts';
import { cached } from './cache.ts';
import { type Device, devicesVersion, listDevices, oneDevice } from './devices.ts';
import { cursor, deviceId, flag, text, wholeNumber } from './fields.ts';
import { pageOf, readCursor, rowsAnswer } from './page.ts';
import { isProblem, problem } from './problem.ts';
import { type Route, route } from './route.ts';

/** The list may be as old as this (E24). */
const LIST_SECONDS = 30;
/** Most devices of one page. */
const MAX_DEVICES = 10_000;
/** Most that are known at all. */
const MAX_LISTED = 100_000;
const MAX_ORGS = 200;
const JSON_TYPE = 'application/json; charset=utf-8';

type List = { devices: readonly Device[]; text: string; etag: string };

const latestSchema = z.object({
  value: z.union([z.number(), z.string(), z.boolean(), z.null()]),
  unit: z.string().optional(),
  timestamp: instant,
  stale: z.boolean().describe('Older than five minutes.'),
});
const deviceSchema = z.object({
  device_id: z.string(),
  name: words,
  class: words,
  application_id: words,
  online: z.boolean(),
  connected: z.boolean().nullable(),
  status: z.string(),
  rssi: number,
  firmware: words,
  battery_estimate: number,
  measurements_today: number,
  last_measurement: maybeInstant,
  last_seen: maybeInstant,
  parser: words,
  metadata: json,
  latest: z.record(z.string(), latestSchema).describe('Newest value of each metric.'),
});

const change = z
  .strictObject(
    {
      name: text('a name of 1 to 200 characters or null').nullable(),
      class: text('a class of 1 to 200 characters or null').nullable(),
      application_id: text('an application of 1 to 200 characters or null').nullable(),
      metadata: z
        .record(z.string(), z.unknown(), { error: 'an object' })
        .describe('Merged into what is there; null takes a key away (RFC 7396, one level).'),
    },
    { error: 'an object with name, class, application_id or metadata' },
  )
  .partial()
  .refine(fields => Object.keys(fields).length > 0, { error: 'at least one field to change' });

// Our own connections are marked, since live clients hear of what sinks store without the trigger; of this change they
// hear by it. The mark is put aside for this statement: the trigger looks when the statement ends.
const changeSql = `
  WITH unmarked AS MATERIALIZED (SELECT set_config('fieldline.writer', 'off', true))
  UPDATE devices SET
    name = CASE WHEN $3::jsonb ? 'name' THEN $3::jsonb ->> 'name' ELSE name END,
    class = CASE WHEN $3::jsonb ? 'class' THEN $3::jsonb ->> 'class' ELSE class END,
    application_id = CASE WHEN $3::jsonb ? 'application_id' THEN $3::jsonb ->> 'application_id' ELSE application_id END,
    metadata = CASE WHEN $3::jsonb ? 'metadata'
      THEN (SELECT coalesce(jsonb_object_agg(key, value) FILTER (WHERE value <> 'null'), '{}')
            FROM jsonb_each(metadata || ($3::jsonb -> 'metadata')))
      ELSE metadata END
  FROM unmarked WHERE device_id = $1 AND ($2::text IS NULL OR org_id = $2)
  RETURNING device_id`;

export function deviceRoutes(query: Query, clock: Clock): readonly Route[] {
  // One list for each organisation that asks, with the answer to those who ask for all of it.
  const lists = boundedMap<string, () => Promise<List>>(MAX_ORGS);
  const listOf = (org: string | undefined): Promise<List> => {
    const key = JSON.stringify(org ?? null);
    let list = lists.get(key);
    if (list === undefined) {
      const load = async () => {
        const devices = await listDevices(query, MAX_LISTED, org);
        const text = JSON.stringify(devices);
        return { devices, text, etag: `"${digest(text)}"` };
      };
      const version = () => devicesVersion(query, org);
      list = cached(load, version, { clock, freshMs: 1000, maxMs: LIST_SECONDS * 1000 });
      lists.set(key, list);
    }
    return list();
  };
  const found = async (id: string, org: string | undefined) => {
    const device = await oneDevice(query, id, org);
    return device === undefined ? missing(id) : { status: 200, body: device };
  };

  return [
    route({
      path: '/api/devices',
      summary: 'Devices with the newest value of each metric, in order of their ids.',
      tag: 'devices',
      query: z
        .object({
          application_id: text('an application').describe('Devices of this application.'),
          online: flag.describe('Heard within 15 minutes, scanners within 5.'),
          limit: wholeNumber(1, MAX_DEVICES),
          cursor,
        })
        .partial(),
      answers: { 200: { says: 'The devices; may be up to 30 s old.', schema: z.array(deviceSchema) } },
      async handle({ url, query: { application_id, online, limit = MAX_DEVICES, cursor }, principal }) {
        const after = readCursor(cursor, ['text']);
        if (isProblem(after)) return after;
        const list = await listOf(principal.org);
        const kept = { 'cache-control': `private, max-age=${LIST_SECONDS}` };
        if (application_id === undefined && online === undefined && limit >= list.devices.length && after === undefined)
          return { status: 200, text: list.text, headers: { ...kept, etag: list.etag, 'content-type': JSON_TYPE } };
        const devices = behind(list.devices, after?.[0]).filter(
          device =>
            (application_id === undefined || device.application_id === application_id) &&
            (online === undefined || device.online === online),
        );
        const { rows, headers } = pageOf(url, devices, limit, last => [last.device_id]);
        return rowsAnswer(rows, { ...headers, ...kept });
      },
    }),
    route({
      path: '/api/devices/{id}',
      summary: 'One device with the newest value of each metric.',
      tag: 'devices',
      params: z.object({ id: deviceId }),
      answers: { 200: { says: 'The device.', schema: deviceSchema }, 404: { says: 'There is none of this id.' } },
      handle: ({ path, principal }) => found(path.id, principal.org),
    }),
    route({
      method: 'PATCH',
      path: '/api/devices/{id}',
      summary: 'Names a device, or says what it is and where it belongs.',
      tag: 'devices',
      needs: 'operator',
      params: z.object({ id: deviceId }),
      body: change,
      answers: {
        200: { says: 'The device as it is now.', schema: deviceSchema },
        404: { says: 'There is none of this id.' },
      },
      async handle({ path, body, principal }) {
        const changed = await query(changeSql, [path.id, principal.org, JSON.stringify(body)]);
        if (changed.length === 0) return missing(path.id);
        lists.clear();
        return found(path.id, principal.org);
      },
    }),
  ];
}

/** Devices behind an id, in the order of the database: of bytes, which is not that of JavaScript's texts. */
function behind(devices: readonly Device[], id: string | number | undefined): readonly Device[] {
  if (id === undefined) return devices;
  const bytes = Buffer.from(String(id));
  const next = devices.findIndex(({ device_id }) => Buffer.compare(Buffer.from(device_id), bytes) > 0);
  return next < 0 ? [] : devices.slice(next);
}

function missing(id: string) {
  return problem(404, 'Not found', `id: expected a device that is known, got ${JSON.stringify(id.slice(0, 80))}`, 'id');
}
