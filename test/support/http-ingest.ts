// For suites of http-ingest: the node in real Node-RED with a key, on its way to a real PostgreSQL or to a sink of the test.
import pg from 'pg';
import { createKey } from '../../src/api/keys.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { type FlowNode, type TestRuntime, testRuntime } from './node-red.ts';
import { postgresFor, type TestPostgres } from './postgres.ts';
import rawArchiveNode from '../../nodes/raw-archive/raw-archive.ts';
import timescaleDbNode from '../../nodes/timescale-db/timescale-db.ts';
import timescaleOutNode from '../../nodes/timescale-out/timescale-out.ts';
import httpIngestNode from '../../nodes/http-ingest/http-ingest.ts';

export type Answer = Record<string, unknown> & { dead_letters?: { device_id: string; reason: string }[] };

/** To be called in a `describe`: the suite is skipped where there is no PostgreSQL. */
export function onIngest() {
  let server: TestPostgres;
  let runtime: TestRuntime;
  let store: Store;
  let pool: pg.Pool;
  let key: string;
  before(async function () {
    server = await postgresFor(this);
    await migrate(server.url);
    runtime = await testRuntime();
    runtime.register(timescaleDbNode, rawArchiveNode, timescaleOutNode, httpIngestNode);
    store = openStore({ url: server.url, connections: 1 });
    pool = new pg.Pool({ connectionString: server.url, max: 2 });
    pool.on('error', () => undefined);
    key = (await createKey(store.query, { name: 'test', kind: 'app', orgId: 'acme' })).key;
  });
  after(async () => {
    await runtime?.deploy([]);
    await store?.close();
    await pool?.end();
    await server?.stop();
  });

  /** Through the archive to the database; the sink `taken` gets what is stored. */
  const toDatabase = (settings: object = {}, sink: object = {}): FlowNode[] => [
    { id: 'db', type: 'fieldline-timescale-db', url: server.url },
    { id: 'in', type: 'fieldline-http-ingest', store: 'db', wires: [['arc']], ...settings },
    { id: 'arc', type: 'fieldline-raw-archive', store: 'db', wires: [['out']] },
    { id: 'out', type: 'fieldline-timescale-out', store: 'db', policy: 'memory', wires: [['taken'], []], ...sink },
    { id: 'taken', type: 'test-sink' },
  ];
  /** To the sink `taken` alone. */
  const toSink = (settings: object = {}): FlowNode[] => [
    { id: 'db', type: 'fieldline-timescale-db', url: server.url },
    { id: 'in', type: 'fieldline-http-ingest', store: 'db', wires: [['taken']], ...settings },
    { id: 'taken', type: 'test-sink' },
  ];
  const post = async (body: unknown, headers: Record<string, string> = {}, path = '/api/ingest') => {
    const response = await fetch(runtime.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': key, ...headers },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Answer };
  };
  const rows = async (sql: string): Promise<Record<string, unknown>[]> => (await pool.query(sql)).rows;

  return {
    get server() {
      return server;
    },
    get runtime() {
      return runtime;
    },
    get store() {
      return store;
    },
    get pool() {
      return pool;
    },
    ...{ toDatabase, toSink, post, rows },
  };
}
