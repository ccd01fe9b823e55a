// advert-decode in real Node-RED: what it takes, what it sends, what it rejects, decoders of a folder; everything settles.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { archive } from '../../src/archive/archive.ts';
import { archiveRow } from '../../src/archive/row.ts';
import type { Raw } from '../../src/reading/raw.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openStore } from '../../src/store/store.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import { postgresFor } from '../../test/support/postgres.ts';
import timescaleDbNode from '../timescale-db/timescale-db.ts';
import advertDecodeNode from './advert-decode.ts';

const good = {
  scanner_id: 'attic',
  timestamp: '2026-01-01T00:00:00.500Z',
  address: 'a4c1388d18b2',
  rssi: -60,
  service_data: { fcd2: '4002ca09' },
};
const warm = { ...good, service_data: { fcd2: '4002cf09' } };
const strange = { ...good, service_data: {}, manufacturer_data: { ffff: '15' } };
const raw = (content: unknown): Raw => ({
  topic: 'bt-mqtt/raw/attic',
  bytes: Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)),
  receivedAt: Date.UTC(2026, 0, 1, 0, 0, 1),
  source: 'broker',
  protocol: 'mqtt',
});
const flow = (settings: object = {}) => [
  { id: 's', type: 'test-source', wires: [['n']] },
  { id: 'n', type: 'fieldline-advert-decode', wires: [['k'], ['bad']], ...settings },
  { id: 'k', type: 'test-sink' },
  { id: 'bad', type: 'test-sink' },
];
const temperature = (payload: unknown): unknown =>
  Array.isArray(payload) ? payload.map(temperature) : (payload as Reading).telemetry['temperature'];

const ownDecoder = (name: string, gives: number): string => `export default {
  name: '${name}', vendor: 'Own', models: ['Shed'], source: 'https://example.org',
  matches: advert => advert.manufacturerData.has('ffff'),
  decode: advert => ({ telemetry: { temperature: advert.manufacturerData.get('ffff')[0] } }),
  examples: [{ name: 'warm', advert: { manufacturer_data: { ffff: '15' } }, gives: { temperature: ${gives} } }],
};`;

describe('advert-decode node', () => {
  let runtime: TestRuntime;
  let folder: string;
  before(async () => {
    runtime = await testRuntime();
    runtime.register(advertDecodeNode, timescaleDbNode);
    folder = path.join(runtime.settings.directory!, 'decoders');
  });

  const ring: Record<string, unknown> = { ...good };
  ring['self'] = ring;
  const done: Reading = {
    deviceId: 'd',
    protocol: 'modbus',
    timestamp: '2026-01-01T00:00:00.000Z',
    telemetry: { temperature: 9 },
    metadata: {},
  };
  /** `temperatures` of each message of output 1; `reasons`: all of output 2. */
  type Case = { name: string; payload: unknown; temperatures: unknown[]; reasons?: RegExp[] };
  const cases: Case[] = [
    { name: 'a raw message', payload: raw(good), temperatures: [25.06] },
    { name: 'a batch, which stays one', payload: [raw(good), raw(warm)], temperatures: [[25.06, 25.11]] },
    {
      name: 'a batch with members it cannot read',
      payload: [raw(strange), raw(good), raw('{')],
      temperatures: [[25.06]],
      reasons: [/no decoder knows/, /advert as JSON/],
    },
    { name: 'a batch without anything to read', payload: [raw('{')], temperatures: [], reasons: [/advert as JSON/] },
    {
      name: 'one message with several adverts',
      payload: raw([good, strange, warm]),
      temperatures: [25.06, 25.11],
      reasons: [/no decoder knows/],
    },
    { name: 'a buffer', payload: Buffer.from(JSON.stringify(good)), temperatures: [25.06] },
    { name: 'a text', payload: JSON.stringify(good), temperatures: [25.06] },
    { name: 'a parsed object', payload: good, temperatures: [25.06] },
    { name: 'an object that holds itself', payload: ring, temperatures: [25.06] },
    { name: 'a reading of another node', payload: done, temperatures: [9] },
    { name: 'nothing', payload: undefined, temperatures: [], reasons: [/advert as JSON/] },
    { name: 'a number', payload: 7, temperatures: [], reasons: [/one advert as a JSON object/] },
    { name: 'an empty batch', payload: [], temperatures: [] },
    {
      name: 'a damaged frame',
      payload: raw({ ...good, service_data: { fcd2: '4002ca' } }),
      temperatures: [],
      reasons: [/longer than the frame/],
    },
  ];
  for (const { name, payload, temperatures, reasons = [] } of cases)
    it(`takes ${name}`, async () => {
      await runtime.deploy(flow());
      assert.deepEqual(await runtime.emit('s', { payload }), { ok: true });
      assert.deepEqual(
        runtime.received('k').map(message => temperature(message.payload)),
        temperatures,
      );
      const got = runtime.received('bad').flatMap(message => message['reasons'] as string[]);
      assert.equal(got.length, reasons.length, got.join());
      for (const [at, reason] of reasons.entries()) assert.match(got[at]!, reason);
    });

  it('gives device, times, scanner and digest, and keeps the other fields of the message', async () => {
    await runtime.deploy(flow());
    const sent = raw(good);
    await runtime.emit('s', { payload: sent, topic: sent.topic, other: 1 });
    const [message] = runtime.received('k');
    assert.deepEqual([message?.topic, message?.['other']], [sent.topic, 1]);
    const { deviceId, timestamp, metadata } = message!.payload as Reading;
    assert.deepEqual(
      [deviceId, timestamp, metadata.scannerId, metadata.receivedAt, metadata.parser, metadata.signalStrength],
      ['A4:C1:38:8D:18:B2', '2026-01-01T00:00:00.500Z', 'attic', sent.receivedAt, 'bthome-v2', -60],
    );
    assert.match(metadata.digest ?? '', /^[0-9a-f]{32}$/);
    await runtime.emit('s', { payload: raw({ ...good, rssi: -61 }) });
    assert.notEqual((runtime.received('k')[1]!.payload as Reading).metadata.digest, metadata.digest);
  });

  it('sends what it rejects as it came, and says so', async () => {
    await runtime.deploy(flow());
    const sent = raw('{');
    await runtime.emit('s', { payload: sent });
    const [message] = runtime.received('bad');
    assert.equal(message?.payload, sent);
    assert.equal(message?.['reason'], 'expected an advert as JSON');
    const { fill, text } = await runtime.untilStatus('n', /rejected: /);
    assert.deepEqual([fill, text], ['yellow', '0 readings, 1 rejected: expected an advert as JSON']);
  });

  it('takes a decoder that is put into its folder while it runs, and names one at fault', async () => {
    await runtime.deploy(flow());
    await mkdir(folder, { recursive: true });
    try {
      await writeFile(path.join(folder, 'shed.mjs'), ownDecoder('shed', 22));
      await runtime.untilStatus('n', /decoder file left out: shed.mjs: example "warm"/);
      await writeFile(path.join(folder, 'shed.mjs'), ownDecoder('shed', 21));
      await runtime.untilStatus('n', /0 readings/);
      await runtime.emit('s', { payload: raw(strange) });
      assert.deepEqual(
        runtime.received('k').map(message => temperature(message.payload)),
        [21],
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('sets a decoder aside that hangs on one advert, rejects that advert, and goes on', async () => {
    const hangs = ownDecoder('shed', 21).replace(
      'decode: advert =>',
      "decode: advert => { while (advert.manufacturerData.get('ffff')[1] === 0x13 && advert.manufacturerData.get('ffff')[2] === 0x37); return",
    );
    await mkdir(folder, { recursive: true });
    try {
      await writeFile(path.join(folder, 'shed.mjs'), hangs.replace('[0] } }),', '[0] } }); },'));
      await runtime.deploy(flow());
      const endless = { ...strange, manufacturer_data: { ffff: '151337' } };
      await runtime.emit('s', { payload: [raw(strange), raw(endless), raw(good)] });
      assert.deepEqual(
        runtime.received('k').map(message => temperature(message.payload)),
        [[21, 25.06]],
      );
      const [bad] = runtime.received('bad');
      assert.match(String(bad?.['reason']), /decoder shed failed: does not end/);
      await runtime.untilStatus('n', /decoder file left out: shed.mjs: does not end/);
      await runtime.emit('s', { payload: raw(warm) });
      assert.equal(temperature(runtime.received('k')[1]?.payload), 25.11);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('counts what a new decoder knows of the archive, and asks for its replay when it is told to', async function () {
    const server = await postgresFor(this);
    const store = openStore({ url: server.url, connections: 2 });
    try {
      await migrate(server.url);
      const adverts = [1, 2, 3].map(n => ({ ...raw(strange), bytes: Buffer.from(JSON.stringify({ ...strange, n })) }));
      const sink = archive({ query: store.prepared, bulk: store.bulk, target: 't' });
      await sink.write([raw(good), ...adverts, raw('{')].map(one => archiveRow(one, one.receivedAt)));
      await rm(folder, { recursive: true, force: true });
      const second = { id: 'm', type: 'fieldline-advert-decode', store: 'db', wires: [['k'], ['bad']] };
      await runtime.deploy([
        { id: 'db', type: 'fieldline-timescale-db', url: server.url },
        ...flow({ store: 'db', wires: [['k', 'm'], ['bad']] }),
        second,
      ]);
      await runtime.emit('s', { payload: [raw(good)] });
      const press = async () => {
        const response = await fetch(`${runtime.url}/fieldline/advert-decode/replay`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ node: 'n' }),
        });
        return [response.status, JSON.stringify(await response.json())] as const;
      };
      assert.deepEqual((await press())[0], 400);
      await writeFile(path.join(folder, 'barn.mjs'), ownDecoder('barn', 21));
      await runtime.untilStatus('n', /; 3 archived adverts match barn: press the button to replay them$/);
      await runtime.untilStatus('m', /; 3 archived adverts match barn: press the button to replay them$/);
      const both = await Promise.all([press(), press()]);
      for (const [status, says] of [...both, await press()]) {
        assert.equal(status, 200);
        assert.match(says, /replay 1 waits for a replay node/);
      }
      await runtime.untilStatus('n', /readings?, \d+ rejected$/);
      // The same decoder, and what it knows is replayed: another node has nothing to offer any more.
      await runtime.untilStatus('m', /readings?, \d+ rejected$/);
      const [asked] = await store.query<Record<string, unknown>>('SELECT state, owner, selection FROM replays');
      assert.deepEqual([asked?.['state'], asked?.['owner']], ['running', null]);
      const { kind, from } = asked!['selection'] as Record<string, string>;
      assert.deepEqual([kind, from], ['advert', strange.timestamp]);
      await writeFile(path.join(folder, 'hut.mjs'), ownDecoder('hut', 21).replace(/ffff/g, 'fffe'));
      await writeFile(path.join(folder, 'barn.mjs'), `${ownDecoder('barn', 21)}// again`);
      for (const id of ['n', 'm']) await runtime.untilStatus(id, /; 3 archived adverts match /);
      await rm(path.join(folder, 'barn.mjs'));
      for (const id of ['n', 'm']) await runtime.untilStatus(id, /readings?, \d+ rejected$/);
    } finally {
      await rm(folder, { recursive: true, force: true });
      await runtime.deploy([]);
      await store.close();
      await server.stop();
    }
  });

  it('decodes now for the dialog', async () => {
    await runtime.deploy(flow());
    // The node has started when it has taken a message.
    await runtime.emit('s', { payload: [] });
    const ask = async (more: object, path = 'decode'): Promise<Record<string, unknown>> => {
      const response = await fetch(`${runtime.url}/fieldline/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ node: 'n', ...more }),
      });
      return (await response.json()) as Record<string, unknown>;
    };
    const said = async (text: string, settings = {}): Promise<unknown> => {
      const answer = await ask({ text, settings });
      return answer['error'] ?? (answer['shown'] as { says: string }[]).map(({ says }) => says).join('; ');
    };
    assert.equal(((await ask({ advert: good }))['readings'] as Reading[])[0]?.telemetry['temperature'], 25.06);
    assert.equal((await ask({ advert: strange }))['rejected'], 'no decoder knows this advert');
    assert.equal(await said(JSON.stringify(good)), 'temperature 25.06 °C');
    // As it is on the air: service data fcd2 with the same value.
    assert.equal(await said('0716d2fc4002ca09'), 'temperature 25.06 °C');
    assert.match(String(await said('ffff')), /expected AD structures/);
    assert.match(String(await said('what')), /expected hex, or an advert as JSON/);
    // An encrypted advert of BTHome's own description, with the key as it is typed.
    const sealed = { address: '54:48:E6:8F:80:A5', service_data: { fcd2: '41a47266c95f730011223378237214' } };
    const key = '231d39c1d7cc1ab1aee224cd096db932';
    assert.match(String(await said(JSON.stringify(sealed))), /key missing/);
    assert.match(
      String(await said(JSON.stringify(sealed), { keys: `54:48:E6:8F:80:A5=${key}` })),
      /^temperature 25.06/,
    );
    assert.match(
      String(await said(JSON.stringify(sealed), { keys: `54:48:E6:8F:80:A5=${key.replace('23', '24')}` })),
      /wrong key/,
    );
    assert.match(String(await said('{}', { keys: 'nonsense' })), /keys: entry 1 is not/);
    await runtime.emit('s', { payload: good });
    assert.deepEqual(await ask({}, 'advert-decode/last'), { frames: [JSON.stringify(good)] });
  });

  it('decodes now with a folder that is only typed, and says what is wrong in it', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'fieldline-now-'));
    try {
      await writeFile(path.join(folder, 'broken.mjs'), 'export const decoder = {');
      const ask = async (settings: object): Promise<Record<string, unknown>> => {
        const response = await fetch(`${runtime.url}/fieldline/decode`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ node: 'new', text: JSON.stringify(good), settings }),
        });
        return (await response.json()) as Record<string, unknown>;
      };
      const answer = await ask({ folder });
      assert.match((answer['faults'] as string[])[0] ?? '', /^broken\.mjs: /);
      assert.equal((answer['readings'] as Reading[]).length, 1);
      const missing = path.join(folder, 'missing');
      assert.deepEqual((await ask({ folder: missing }))['faults'], []);
      assert.equal(existsSync(missing), false);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
