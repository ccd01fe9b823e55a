// The API page of the documents: every route with a real request and its answer, asked of the API over rows that are always the same.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../../scripts/imports.ts';
import { bearer, tokenFor, type World } from '../../src/api/api.fixture.ts';
import type { Query } from '../../src/reading/contracts.ts';
// The stages are among the metrics wherever a sink is.
import '../../src/reading/stages.ts';
import type { Document, Operation, Parameter } from './requests.ts';

export const pageFile = 'docs/api.md';
const INTRODUCTION = readFileSync(path.join(import.meta.dirname, 'introduction.md'), 'utf8');

type Example = { ask: string; headers?: Record<string, string>; body?: unknown };

/** One request for each route; the token is that of an operator. */
const examples: Readonly<Record<string, Example>> = {
  'GET /api/devices': { ask: '/api/devices?limit=1' },
  'GET /api/devices/{id}': { ask: '/api/devices/meter1' },
  'PATCH /api/devices/{id}': { ask: '/api/devices/meter1', body: { name: 'Main meter', metadata: { room: 'cellar' } } },
  'GET /api/flow-data': {
    ask: '/api/flow-data?device_id=flow-1&start_time=2026-02-11T14:00:00Z&limit=1',
    headers: { accept: 'text/csv' },
  },
  'GET /api/v1/energy/latest': { ask: '/api/v1/energy/latest' },
  'GET /api/v1/energy/hourly': { ask: '/api/v1/energy/hourly?start=2026-02-11T00:00:00Z&end=2026-02-11T23:59:59Z' },
  'GET /api/history': {
    ask: '/api/history?device=meter1&metric=power_kw&start=2026-02-11&end=2026-02-12&bucket=12h&tz=Europe/Berlin&aggregate=avg&aggregate=count&gaps=null',
  },
  'GET /api/inspections': { ask: '/api/inspections?inspector_id=ana' },
  'POST /api/inspections': {
    ask: '/api/inspections',
    body: { id: '7c9e6679-7425-40de-944b-e07fc1f90ae7', inspector_id: 'ben', data: { floor: 2 } },
  },
  'GET /api/inspections/{id}': { ask: '/api/inspections/0e37df36-f698-11e6-8dd4-cb9ced3df976' },
  'PATCH /api/inspections/{id}': {
    ask: '/api/inspections/0e37df36-f698-11e6-8dd4-cb9ced3df976',
    body: { status: 'done' },
  },
  'GET /api/dead-letters': { ask: '/api/dead-letters?state=open' },
  'GET /api/dead-letters/{id}': { ask: '/api/dead-letters/1' },
  'GET /rest/v1/{table}': {
    ask: '/rest/v1/measurements?select=device_id,mm:value_mm,timestamp&session_id=eq.s1&order=timestamp.desc&limit=1',
  },
  'POST /rest/v1/{table}': {
    ask: '/rest/v1/measurements?select=device_id,value_mm,anomaly_score',
    headers: { prefer: 'return=representation' },
    body: { device_id: 'AA:BB:CC:DD:EE:FF', value_mm: 2450.0, session_id: 's1', timestamp: '2026-02-11T14:30:00.000Z' },
  },
  'PATCH /rest/v1/{table}': {
    ask: '/rest/v1/inspections?inspector_id=eq.ben&select=id,status',
    headers: { prefer: 'return=representation' },
    body: { status: 'begun' },
  },
  'GET /metrics': { ask: '/metrics' },
  'GET /api/openapi.json': { ask: '/api/openapi.json' },
};

/** The same rows at every run. */
export async function fill(query: Query): Promise<void> {
  const at = `'2026-02-11T14:30:00Z'::timestamptz`;
  await query(`INSERT INTO devices (device_id, class, last_seen, org_id, metadata, created_at) VALUES
    ('meter1', 'energy meter', ${at}, 'north', '{}', ${at})`);
  await query(
    `INSERT INTO latest_values (device_id, metric, value, timestamp) VALUES ('meter1', 'power_kw', 3.2, ${at})`,
  );
  await query(`INSERT INTO energy_readings (device_id, timestamp, total_energy_kwh, power_kw, voltage, current, anomaly_score, org_id) VALUES
    ('meter1', ${at} - interval '40 minutes', 11.45, 2.8, 231, 12.1, 1, 'north'), ('meter1', ${at}, 12.45, 3.2, 230, 13.9, 1, 'north')`);
  await query(`INSERT INTO flow_data (id, device_id, created_at, flow_rate, totalizer, temperature, status, anomaly_score, org_id) VALUES
    (1, 'flow-1', ${at}, 12.5, 1042.7, 18.2, 'ok', 1, 'north')`);
  await query(`INSERT INTO measurements (id, device_id, session_id, value_mm, timestamp, org_id) VALUES
    (1, 'AA:BB:CC:DD:EE:FF', 's1', 1200, ${at}, 'north')`);
  await query(`INSERT INTO inspections (id, inspector_id, session_id, data, created_at, updated_at, org_id) VALUES
    ('0e37df36-f698-11e6-8dd4-cb9ced3df976', 'ana', 's1', '{"floor": 1}', ${at}, ${at}, 'north')`);
  await query(`INSERT INTO dead_letters (id, source, topic, device_id, reason, bytes, digest, created_at, last_at, org_id) VALUES
    (1, 'timescale-out', 'homelab/energy/meter1', 'meter1', 'value out of range', '{"power_kw": 1e400}', gen_random_uuid(), ${at}, ${at}, 'north')`);
}

export async function apiPage(world: World): Promise<string> {
  const document = (await (await world.get('/api/openapi.json')).json()) as Document;
  const token = bearer(tokenFor('operator', 'north'));
  const sections: string[] = [];
  for (const [at, operations] of Object.entries(document.paths))
    for (const [method, operation] of Object.entries(operations)) {
      // Described with the node that serves it.
      if (operation.tags.includes('ingest')) continue;
      const name = `${method.toUpperCase()} ${at}`;
      const example = examples[name];
      if (example === undefined) throw new Error(`no example of ${name}`);
      sections.push(await sectionOf(world, name, operation, example, token));
    }
  const unknown = Object.keys(examples).filter(name => !sections.some(text => text.startsWith(`## \`${name}\``)));
  if (unknown.length > 0) throw new Error(`no such route: ${unknown.join(', ')}`);
  return `${INTRODUCTION}\n${sections.join('\n')}`;
}

async function sectionOf(
  world: World,
  name: string,
  operation: Operation & { summary?: string },
  { ask, headers = {}, body }: Example,
  token: Record<string, string>,
): Promise<string> {
  const method = name.split(' ', 1)[0]!;
  const answer =
    body === undefined
      ? await world.get(ask, { ...token, ...headers })
      : await world.send(method, ask, body, { ...token, ...headers });
  const type = answer.headers.get('content-type') ?? '';
  const text = await answer.text();
  const given = [
    `${method} ${ask}`,
    ...Object.entries(headers).map(([header, value]) => `${header}: ${value}`),
    ...(body === undefined ? [] : ['', JSON.stringify(body, undefined, 2)]),
  ];
  const shown = type.includes('json') ? shownJson(name, text) : shownText(text);
  const role = operation['x-role'] === 'viewer' ? '' : ` Needs the role ${operation['x-role']}.`;
  return [
    `## \`${name}\`\n`,
    `${operation.summary ?? ''}${role}\n`,
    ...parametersTable(operation.parameters),
    `\`\`\`http\n${given.join('\n')}\n\`\`\`\n`,
    `Answer ${answer.status}:\n`,
    `\`\`\`${type.includes('json') ? 'json' : 'text'}\n${shown}\n\`\`\`\n`,
  ].join('\n');
}

function parametersTable(parameters: readonly Parameter[]): string[] {
  if (parameters.length === 0) return [];
  const rows = parameters.map(({ name, required, schema }) => {
    const { minimum, maximum, default: initially, description = '', enum: words } = schema;
    const says = [
      String(description).replace(/\.$/, ''),
      words === undefined ? '' : (words as string[]).join(', '),
      minimum === undefined || Number(maximum) > 1e12 ? '' : `${minimum} to ${maximum}`,
      initially === undefined ? '' : `initially ${initially}`,
      required ? 'required' : '',
    ];
    return `| \`${name}\` | ${says.filter(text => text !== '').join('; ')} |`;
  });
  return [['| Field | |', '| --- | --- |', ...rows].join('\n') + '\n'];
}

function shownJson(name: string, text: string): string {
  const value: unknown = JSON.parse(text);
  const shown = name.endsWith('openapi.json') ? { ...(value as object), paths: {}, components: {} } : value;
  // What was made just now has a time of its own.
  const fresh = Date.now() - 3_600_000;
  return JSON.stringify(shown, undefined, 2).replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, time =>
    Date.parse(time) > fresh ? '2026-02-11T14:31:00.000Z' : time,
  );
}

/** Of the metrics a few lines, without the numbers that this process has counted. */
function shownText(text: string): string {
  if (!text.includes('# TYPE')) return text.replaceAll('\r\n', '\n').trimEnd();
  const lines = text
    .split('\n')
    .filter(line => /stage_seconds( How|_bucket\{stage="receipt_to_commit",le="0.0[15]"| histogram)/.test(line));
  return `${lines.map(line => line.replace(/ \d+$/, ' 0')).join('\n')}`;
}

export function currentPage(): string {
  return readFileSync(path.join(root, pageFile), 'utf8');
}
