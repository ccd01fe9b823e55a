// timescale-db in real Node-RED: where the address comes from, and what happens without one.
import assert from 'node:assert/strict';
import { defineNode } from '../../src/palette/define.ts';
import { fault } from '../../src/palette/fields.ts';
import { nodeRed } from '../../src/palette/register.ts';
import type { Database } from '../../src/store/database.ts';
import { openStore } from '../../src/store/store.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import { postgresFor, type TestPostgres } from '../../test/support/postgres.ts';
import rawArchiveNode from '../raw-archive/raw-archive.ts';
import timescaleDbNode, { definition } from './timescale-db.ts';

const users: Database[] = [];
const userNode = nodeRed(
  defineNode({
    type: 'fieldline-test-user',
    family: 'store',
    icon: 'font-awesome/fa-flask',
    summary: 'Test user of a database.',
    outputs: [],
    fields: { store: { kind: 'config', label: 'Database', help: '', initial: '', of: definition.type } },
    start(_settings, host) {
      users.push(host.config<Database>('store')!);
      return {};
    },
  }),
);

describe('timescale-db node', () => {
  let server: TestPostgres;
  let runtime: TestRuntime;
  const environment = process.env['DATABASE_URL'];
  before(async function () {
    server = await postgresFor(this);
    runtime = await testRuntime();
    runtime.register(timescaleDbNode, rawArchiveNode, userNode);
  });
  after(async () => {
    await runtime?.deploy([]);
    await server?.stop();
  });
  afterEach(() => {
    runtime.settings.services = {};
    if (environment === undefined) delete process.env['DATABASE_URL'];
    else process.env['DATABASE_URL'] = environment;
  });

  const raw = { topic: 't', source: 's', protocol: 'mqtt', receivedAt: Date.UTC(2026, 0, 1), bytes: Buffer.from('1') };
  const archives = async (settings: object) => {
    await runtime.deploy([
      { id: 'db', type: 'fieldline-timescale-db', ...settings },
      { id: 'src', type: 'test-source', wires: [['arch']] },
      { id: 'arch', type: 'fieldline-raw-archive', store: 'db', wires: [[]] },
    ]);
    return runtime.emit('src', { payload: raw });
  };
  const nowhere = 'postgres://u@127.0.0.1:1/d';

  it('uses the address that is set', async () => {
    runtime.settings.services = { databaseUrl: nowhere };
    process.env['DATABASE_URL'] = nowhere;
    assert.deepEqual(await archives({ url: server.url }), { ok: true });
  });

  it('else the database of the gateway', async () => {
    runtime.settings.services = { databaseUrl: server.url };
    process.env['DATABASE_URL'] = nowhere;
    assert.deepEqual(await archives({}), { ok: true });
  });

  it('else the environment', async () => {
    process.env['DATABASE_URL'] = server.url;
    assert.deepEqual(await archives({}), { ok: true });
  });

  it('never has more than twenty connections, also where an old flow asks for more', async () => {
    assert.deepEqual(
      fault(definition.fields.connections, 21)?.replace(/got.*/, ''),
      'Most connections: expected a whole number from 2 to 20, ',
    );
    assert.deepEqual(await archives({ url: server.url, connections: 1000 }), { ok: true });
    const store = openStore({ url: server.url, connections: 1000 });
    assert.equal(store.pool.options.max, 20);
    await store.close();
  });

  it('has one pool with all others of its address, as imported flows bring them', async () => {
    runtime.settings.services = { databaseUrl: server.url };
    users.length = 0;
    const urls = ['', server.url, server.url.replace('postgres:', 'postgresql:')];
    await runtime.deploy(
      urls.flatMap((url, n) => [
        { id: `db${n}`, type: 'fieldline-timescale-db', url },
        { id: `user${n}`, type: 'fieldline-test-user', store: `db${n}` },
      ]),
    );
    assert.equal(users.length, 3);
    assert.equal(new Set(users.map(({ pool }) => pool)).size, 1);
  });

  it('does not start without one, or with another kind of address', async () => {
    delete process.env['DATABASE_URL'];
    for (const url of ['', 'mysql://h/d'])
      assert.deepEqual(await archives({ url }), {
        ok: false,
        kind: 'outage',
        reason: 'Database: expected a timescale-db node that runs, got none',
      });
  });
});
