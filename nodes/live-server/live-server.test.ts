// live-server in real Node-RED on a real PostgreSQL: snapshots after a start, rows of other writers, and the position over stops and kills.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { WebSocket } from 'ws';
import { wakeHub } from '../../src/live/resting.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { listened } from '../../test/support/listened.ts';
import { type FlowNode, type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import { postgresFor, type TestPostgres } from '../../test/support/postgres.ts';
import { until } from '../../test/support/until.ts';
import timescaleDb from '../timescale-db/timescale-db.ts';
import timescaleOut from '../timescale-out/timescale-out.ts';
import wsBroadcast from '../ws-broadcast/ws-broadcast.ts';
import liveServer from './live-server.ts';

function flowReading(rate: number): Reading {
  const timestamp = new Date(Date.UTC(2026, 0, 1) + rate * 1000).toISOString();
  return { deviceId: 'FM-1', protocol: 'mqtt', timestamp, telemetry: { flow_rate: rate }, metadata: { orgId: 'acme' } };
}

type Position = { epoch: string; offset: number };
type Reply = Position & {
  recovered?: boolean;
  publications?: { data: { flow_rate: number } }[];
  data?: { snapshot: { data: { flow_rate: number } }[] };
};

describe('live-server', () => {
  let server: TestPostgres;
  let runtime: TestRuntime;
  let stranger: pg.Client;
  const clients: WebSocket[] = [];
  const flow = (): FlowNode[] => [
    { id: 'db', type: 'fieldline-timescale-db', url: server.url },
    { id: 'live', type: 'fieldline-live-server', path: '/ws', store: 'db' },
    { id: 'from', type: 'test-source', wires: [['store']] },
    { id: 'store', type: 'fieldline-timescale-out', store: 'db', policy: 'memory', wires: [['push'], []] },
    { id: 'push', type: 'fieldline-ws-broadcast', server: 'live', wires: [['to']] },
    { id: 'to', type: 'test-sink' },
  ];

  before(async function () {
    server = await postgresFor(this);
    runtime = await testRuntime();
    runtime.register(timescaleDb, timescaleOut, liveServer, wsBroadcast);
    await runtime.deploy(flow());
    assert.deepEqual(await runtime.emit('from', { payload: flowReading(1) }), { ok: true });
    stranger = new pg.Client({ connectionString: server.url });
    await stranger.connect();
    await listened(stranger);
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.terminate();
  });
  after(async () => {
    await stranger?.end();
    await runtime?.deploy([]);
    await server?.stop();
  });

  async function subscribed(more: object = {}) {
    const client = new WebSocket(`${runtime.url.replace('http', 'ws')}/ws`);
    clients.push(client);
    await once(client, 'open');
    const subscribe = { channel: 'flow_data_changes', data: { snapshot: true }, ...more };
    client.send(`{"id":1,"connect":{}}\n${JSON.stringify({ id: 2, subscribe })}`);
    const [frame] = await once(client, 'message');
    const reply: Reply = JSON.parse(String(frame).split('\n')[1]!).subscribe;
    const rates: number[] = [];
    client.on('message', data => {
      for (const line of String(data).split('\n')) {
        // A ping has none.
        const pub = JSON.parse(line).push?.pub;
        if (pub !== undefined) rates.push(pub.data.flow_rate);
      }
    });
    return { client, reply, rates };
  }

  const resume = ({ epoch, offset }: Position) => subscribed({ recover: true, epoch, offset });
  /** As a stop and a start do it: nothing of the hub is left in memory. */
  async function stopped(): Promise<void> {
    await runtime.deploy([]);
    wakeHub('live 10000');
  }

  it('shows the newest rows right after a start, and pushes what others write, once', async () => {
    const { reply, rates } = await subscribed();
    assert.deepEqual(
      reply.data?.snapshot.map(({ data }) => data.flow_rate),
      [1],
    );
    await stranger.query(`INSERT INTO flow_data (device_id, flow_rate) VALUES ('FM-2', 2)`);
    await until(() => rates.length > 0);
    assert.deepEqual(await runtime.emit('from', { payload: [flowReading(3)] }), { ok: true });
    await until(() => rates.length > 1);
    assert.deepEqual(rates, [2, 3]);
  });

  it('pushes nothing again that was stored before', async () => {
    const { rates } = await subscribed();
    assert.deepEqual(await runtime.emit('from', { payload: [flowReading(3)] }), { ok: true });
    await runtime.emit('from', { payload: [flowReading(3), flowReading(4)] });
    await until(() => rates.length > 0);
    assert.deepEqual(rates, [4]);
  });

  it('goes on after a stop in good order, with what others wrote meanwhile', async () => {
    const { reply } = await subscribed();
    await runtime.emit('from', { payload: flowReading(5) });
    await stopped();
    await stranger.query(`INSERT INTO flow_data (device_id, flow_rate) VALUES ('FM-2', 6)`);
    await runtime.deploy(flow());
    const back = await resume(reply);
    assert.equal(back.reply.recovered, true);
    assert.equal(back.reply.epoch, reply.epoch);
    const rates = back.reply.publications!.map(({ data }) => data.flow_rate);
    assert.deepEqual([...rates, ...back.rates], [5, 6]);
  });

  it('says that it has a gap where it was killed, with a snapshot of what there is', async () => {
    const { reply } = await subscribed();
    const folder = runtime.settings.directory!;
    assert.deepEqual(
      readdirSync(folder).filter(name => name === 'live-live.json'),
      [],
      'no position on the disk while it runs, so that none is left by a kill',
    );
    await stopped();
    assert.equal(existsSync(path.join(folder, 'live-live.json')), true);
    rmSync(path.join(folder, 'live-live.json'));
    await runtime.deploy(flow());
    const back = await resume(reply);
    assert.equal(back.reply.recovered, false);
    assert.notEqual(back.reply.epoch, reply.epoch);
    assert.deepEqual(back.reply.data?.snapshot.map(({ data }) => data.flow_rate).sort(), [5, 6]);
  });

  it('goes on over a deploy, and breaks the thread where the deploy caught a message between the table and the push', async () => {
    const { reply } = await subscribed();
    await runtime.deploy(flow());
    assert.equal((await resume(reply)).reply.recovered, true);

    const held = flow().map(node => (node.id === 'store' ? { ...node, wires: [['hold'], []] } : node));
    await runtime.deploy([...held, { id: 'hold', type: 'test-sink', wires: [['push']] }]);
    const before = await subscribed();
    runtime.onSink('hold', () => {});
    const emitted = runtime.emit('from', { payload: flowReading(7) });
    await runtime.until('hold', 1);
    await runtime.deploy(flow());
    assert.equal((await emitted).ok, false);
    assert.equal((await resume(before.reply)).reply.recovered, false);
  });
});
