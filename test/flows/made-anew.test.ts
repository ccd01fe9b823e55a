// Messages that a function node makes anew: the ledger says of them what became of them, as of all others.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import dedupNode from '../../nodes/dedup/dedup.ts';
import httpOutNode from '../../nodes/http-out/http-out.ts';
import normalizeNode from '../../nodes/normalize/normalize.ts';
import rawArchiveNode from '../../nodes/raw-archive/raw-archive.ts';
import timescaleDbNode from '../../nodes/timescale-db/timescale-db.ts';
import timescaleOutNode from '../../nodes/timescale-out/timescale-out.ts';
import { difference, ledgerLines, openAccount } from '../../src/kernel/ledger.ts';
import { outgoingOf } from '../../src/mqtt/outgoing.ts';
import { onDatabase } from '../support/database.ts';
import { type FlowNode, type TestRuntime, testRuntime } from '../support/node-red.ts';

const TEXT = `const text = raw => Buffer.from(raw.bytes).toString();`;
const READING = `${TEXT} const made = raw => ({ deviceId: 'made', protocol: 'mqtt', telemetry: { power_kw: 1 }, metadata: {},
  timestamp: new Date(Number(JSON.parse(text(raw)).at)).toISOString() });`;

describe('messages made anew by a function node', () => {
  const db = onDatabase();
  let runtime: TestRuntime;
  let server: Server;
  let posted = 0;
  before(async () => {
    runtime = await testRuntime();
    runtime.register(timescaleDbNode, timescaleOutNode, rawArchiveNode, normalizeNode, dedupNode, httpOutNode);
    server = createServer((request, response) => {
      request.resume().on('end', () => {
        posted++;
        response.writeHead(204).end();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(async () => {
    await runtime?.deploy([]);
    server.close();
  });

  let at = Date.UTC(2026, 0, 3);
  /** A payload of so many raw messages, of an account of their own. */
  function rawsOf(account: ReturnType<typeof openAccount>, count: number) {
    return Array.from({ length: count }, () => {
      at += 1000;
      const bytes = Buffer.from(`{"at":"${at}","power_kw":1}`);
      const raw = { topic: 't/made', bytes, receivedAt: at, source: 's', protocol: 'mqtt' };
      return { ...raw, entry: account.enter()! };
    });
  }

  const stored: FlowNode = { id: 'end', type: 'fieldline-timescale-out', store: 'db' };
  const normalized = { id: 'end', type: 'fieldline-normalize', wires: [['out'], []] };
  const ways: readonly [name: string, count: number, func: string, nodes: () => readonly FlowNode[]][] = [
    [
      'a reading in place of a raw message',
      1,
      `${READING} msg.payload = made(msg.payload); return msg;`,
      () => [stored],
    ],
    ['a message of its own', 1, `${READING} return { payload: made(msg.payload) };`, () => [stored]],
    [
      'several readings of one',
      1,
      `${READING} const one = made(msg.payload); msg.payload = [one, { ...one, deviceId: 'b' }]; return msg;`,
      () => [stored],
    ],
    ['a batch, each in its place', 3, `${READING} msg.payload = msg.payload.map(made); return msg;`, () => [stored]],
    [
      'readings that share their metadata',
      3,
      `${READING} const metadata = {}; msg.payload = msg.payload.map(raw => ({ ...made(raw), metadata })); return msg;`,
      () => [stored],
    ],
    [
      'a text that normalize reads',
      1,
      `${TEXT} msg.payload = text(msg.payload); return msg;`,
      () => [normalized, { ...stored, id: 'out' }],
    ],
    [
      'a raw message for the archive alone',
      1,
      'const { entry, ...raw } = msg.payload; msg.payload = raw; return msg;',
      () => [{ id: 'end', type: 'fieldline-raw-archive', store: 'db' }],
    ],
    [
      'a text for a server',
      1,
      `${TEXT} msg.payload = text(msg.payload); return msg;`,
      () => [
        { id: 'end', type: 'fieldline-http-out', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` },
      ],
    ],
  ];
  for (const [name, count, func, nodes] of ways)
    it(`stored: ${name}`, async () => {
      const account = openAccount(name, name);
      await runtime.deploy([
        { id: 'db', type: 'fieldline-timescale-db', url: db.server.url },
        { id: 'src', type: 'test-source', wires: [['fn']] },
        { id: 'fn', type: 'function', func, outputs: 1, wires: [['end']] },
        ...nodes(),
      ]);
      const raws = rawsOf(account, count);
      assert.deepEqual(await runtime.emit('src', { topic: 't/made', payload: count === 1 ? raws[0] : raws }), {
        ok: true,
      });
      for (const { entry } of raws) account.leave(entry);
      const line = ledgerLines().find(({ source }) => source === name)!;
      assert.deepEqual([line.stored, line.dropped, difference(line)], [count, 0, 0]);
    });

  it('are posted', () => assert.equal(posted, 1));

  it('duplicates: a copy that dedup knows', async () => {
    const account = openAccount('copies', 'copies');
    await runtime.deploy([
      { id: 'src', type: 'test-source', wires: [['fn']] },
      {
        id: 'fn',
        type: 'function',
        func: `${READING} msg.payload = made(msg.payload); return msg;`,
        outputs: 1,
        wires: [['end']],
      },
      { id: 'end', type: 'fieldline-dedup', by: 'device', wires: [[], []] },
    ]);
    const raws = rawsOf(account, 2);
    for (const payload of raws) await runtime.emit('src', { payload });
    for (const { entry } of raws) account.leave(entry);
    const line = ledgerLines().find(({ source }) => source === 'copies')!;
    assert.deepEqual([line.duplicates, line.dropped], [1, 1]);
  });

  it('for a broker: of as many as were sent each its own, of fewer nobody can tell', () => {
    const sent = [{ entry: 'a' }, { entry: 'b' }];
    const options = { topic: 't', form: 'payload', qos: 1, retain: () => false } as const;
    const entriesOf = (send: 'each' | 'whole', payload: unknown, of: readonly unknown[]) =>
      outgoingOf({ payload }, { ...options, send }, of).map(({ entries }) => entries);
    assert.deepEqual(entriesOf('each', ['x', 'y'], sent), [['a'], ['b']]);
    assert.deepEqual(entriesOf('whole', ['x', 'y'], sent), [['a', 'b']]);
    assert.deepEqual(entriesOf('each', 'x', sent), [[]]);
    assert.deepEqual(entriesOf('each', ['x', { entry: 'own' }], [{ entry: 'a' }]), [['a'], ['own']]);
  });
});
