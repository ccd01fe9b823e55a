// The OpenAPI document is true: whatever is asked of the real API on a real database, the answer is one that it describes, and never a fault.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { bearer, openWorld, tokenFor, type World, writingIntake } from '../../src/api/api.fixture.ts';
import { openScene, type Scene } from '../../src/api/ingest.fixture.ts';
import { onDatabase } from '../support/database.ts';
import { type Document, hostile, type Operation, requestsFor, type Schema } from './requests.ts';

// A longer search, or another one: FIELDLINE_TEST_RUNS=5000 FIELDLINE_TEST_SEED=2 mocha test/api/openapi.test.ts
const RUNS = Number(process.env['FIELDLINE_TEST_RUNS'] ?? 60);
const SEED = Number(process.env['FIELDLINE_TEST_SEED'] ?? 1);
const LIMIT_MS = 240_000 * Math.max(1, RUNS / 1000);
// What no answer may hold: a stack, a place on the disk, a secret.
const LEAK = /node_modules|\n\s+at |file:\/\/|\/src\/|postgres:\/\/|scram-sha|the secret of the tests/;

describe('OpenAPI document', () => {
  let world: World;
  /** Serves ingest. */
  let scene: Scene;
  let document: Document;
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const validators = new Map<Schema, ValidateFunction>();

  // End before the database does: hooks run in the order in which they were added.
  after(async () => {
    await scene?.close();
    await world?.close();
  });
  const database = onDatabase();
  before(async () => {
    const { store } = database;
    world = await openWorld(store.query);
    scene = await openScene();
    world.offer(writingIntake(store.query));
    await store.query(
      `INSERT INTO devices (device_id, last_seen, org_id, metadata) VALUES ('a', now(), 'north', '{"x": [1]}'), ('b', NULL, NULL, '{}')`,
    );
    await store.query(
      `INSERT INTO latest_values (device_id, metric, value, value_text, timestamp) VALUES ('a', 'temperature', 21, NULL, now()), ('a', 'open', 1, 'true', now())`,
    );
    await store.query(
      `INSERT INTO flow_data (device_id, flow_rate, created_at) VALUES ('f1', 1, now()), ('f1', 'NaN', now()), ('f1', 'Infinity', '2026-02-11T14:30:00.123456Z')`,
    );
    await store.query(
      `INSERT INTO energy_readings (device_id, power_kw, total_energy_kwh) VALUES ('m1', 2, 'NaN'), ('m1', 'Infinity', 3)`,
    );
    await store.query(
      `INSERT INTO sensor_readings (device_id, metric, value) VALUES ('a', 'temperature', 21), ('a', 'temperature', 22)`,
    );
    await store.query(`INSERT INTO inspections (id, data) VALUES ('11111111-1111-1111-1111-111111111111', '[1]')`);
    await store.query(
      `INSERT INTO dead_letters (id, source, reason, bytes, digest) VALUES (1, 's', 'r', '\\xff', gen_random_uuid())`,
    );
    document = (await (await world.get('/api/openapi.json')).json()) as Document;
  });

  const known = {
    id: ['a', '1', '11111111-1111-1111-1111-111111111111'],
    table: ['measurements', 'inspections', 'devices', 'flow_data', 'dashboard_summary', 'latest_values'],
  };
  const baseOf = ({ tags }: Operation) => (tags.includes('ingest') ? scene.url : world.base);
  const credentials = ({ tags }: Operation) =>
    tags.includes('ingest') ? [{}, { 'x-api-key': 'app-key' }, bearer('app-key'), { 'x-api-key': 'wrong' }] : tokens();
  const tokens = () => [
    {},
    bearer(tokenFor('viewer', 'north')),
    bearer(tokenFor('operator', 'north')),
    bearer(`${tokenFor('admin', 'north')}x`),
  ];

  function validatorOf(schema: Schema): ValidateFunction {
    const validate = validators.get(schema) ?? ajv.compile(schema);
    validators.set(schema, validate);
    return validate;
  }

  /** Why the answer is none that the document describes; undefined when it is. */
  async function faultOf(answer: Response, { responses }: Operation): Promise<string | undefined> {
    const text = await answer.text();
    const documented = responses[String(answer.status)];
    if (answer.status >= 500) return `${answer.status}: ${text}`;
    if (documented === undefined) return `status ${answer.status} is not documented: ${text.slice(0, 200)}`;
    if (LEAK.test(text)) return `leaks: ${text.slice(0, 300)}`;
    if (text === '') return undefined;
    const type = (answer.headers.get('content-type') ?? '').split(';')[0]!;
    const content = documented.content?.[type];
    if (content === undefined) return `${answer.status}: content type ${type} is not documented`;
    if (!type.endsWith('json')) return undefined;
    const validate = validatorOf(content.schema);
    return validate(JSON.parse(text))
      ? undefined
      : `${answer.status}: ${ajv.errorsText(validate.errors)}: ${text.slice(0, 300)}`;
  }

  it('is OpenAPI 3.1 and names every route', () => {
    assert.match(String((document as unknown as { openapi: string }).openapi), /^3\.1\./);
    const ids = Object.values(document.paths)
      .flatMap(path => Object.values(path))
      .map(one => (one as unknown as { operationId: string }).operationId);
    assert.equal(new Set(ids).size, ids.length);
    for (const path of [
      '/api/devices',
      '/api/devices/{id}',
      '/api/flow-data',
      '/api/v1/energy/latest',
      '/api/v1/energy/hourly',
      '/api/history',
      '/api/inspections',
      '/api/dead-letters',
      '/rest/v1/{table}',
      '/metrics',
    ])
      assert.ok(path in document.paths, path);
    for (const path of Object.values(document.paths))
      for (const { responses } of Object.values(path))
        for (const { content } of Object.values(responses))
          for (const { schema } of Object.values(content ?? {})) ajv.compile(schema);
  });

  it('describes every answer, to right and to hostile requests', async function () {
    this.timeout(LIMIT_MS);
    for (const [path, operations] of Object.entries(document.paths))
      for (const [method, operation] of Object.entries(operations))
        await fc.assert(
          fc.asyncProperty(
            requestsFor(path, operation, known, credentials(operation)),
            async ({ url, headers, body }) => {
              const answer = await fetch(baseOf(operation) + url, {
                method: method.toUpperCase(),
                headers,
                ...(body === undefined ? {} : { body }),
              });
              const fault = await faultOf(answer, operation);
              assert.equal(fault, undefined, `${method} ${url} ${JSON.stringify(headers)} ${body}: ${fault}`);
              assert.deepEqual(world.faults, []);
            },
          ),
          { numRuns: RUNS, seed: SEED },
        );
  });

  it('describes the answers to every hostile text in every parameter', async () => {
    const token = { ...bearer(tokenFor('operator', 'north')), 'x-api-key': 'app-key' };
    for (const [path, operations] of Object.entries(document.paths))
      for (const [method, operation] of Object.entries(operations))
        for (const text of hostile) {
          const value = text.isWellFormed() ? encodeURIComponent(text) : '%ED%A0%80';
          const body =
            operation.requestBody === undefined
              ? {}
              : {
                  body: JSON.stringify({
                    device_id: text,
                    value_mm: 1,
                    inspector_id: text,
                    name: text,
                    status: text,
                    session_id: text,
                  }),
                };
          const fields = operation.parameters.filter(one => one.in === 'query').map(({ name }) => `${name}=${value}`);
          const urls = [
            path.replace(/\{\w+\}/g, value || '%20'),
            `${path.replace(/\{(\w+)\}/g, (_all, name: string) => known[name as keyof typeof known][0]!)}?${[...fields, `value_mm=${value}`, `${value || 'x'}=eq.1`].join('&')}`,
            ...fields.map(
              field =>
                `${path.replace(/\{(\w+)\}/g, (_all, name: string) => known[name as keyof typeof known].at(-1)!)}?${field}`,
            ),
          ];
          for (const url of urls) {
            const answer = await fetch(baseOf(operation) + url, {
              method: method.toUpperCase(),
              headers: { 'content-type': 'application/json', ...token },
              ...body,
            });
            // `..` in a path is resolved by the client: another route, or none.
            if (/\/\.\.?(\/|$|\?)/.test(url)) continue;
            const fault = await faultOf(answer, operation);
            assert.equal(fault, undefined, `${method} ${url}: ${fault}`);
          }
        }
    assert.deepEqual(world.faults, []);
  });
});
