// laser-decode in real Node-RED: frames in every form, session and element, rejects; everything settles.
import assert from 'node:assert/strict';
import type { Message } from '../../src/palette/define.ts';
import type { Raw } from '../../src/reading/raw.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import laserDecodeNode from './laser-decode.ts';

const GLM = 'c0551006000001cdcc1c400000000000000000dc';
const DISTO = '25064940';
const raw = (hex: string, more: Partial<Raw> = {}): Raw => ({
  topic: 'ble/van/AA:BB:CC:DD:EE:FF/02a6c0d1-0451-4000-b000-fb3210111989',
  bytes: Buffer.from(hex, 'hex'),
  receivedAt: Date.UTC(2026, 0, 1),
  source: 'van',
  protocol: 'bluetooth',
  deviceId: 'AA:BB:CC:DD:EE:FF',
  ...more,
});
const flow = (settings: object = {}) => [
  { id: 's', type: 'test-source', wires: [['n']] },
  { id: 'n', type: 'fieldline-laser-decode', wires: [['k'], ['bad']], ...settings },
  { id: 'k', type: 'test-sink' },
  { id: 'bad', type: 'test-sink' },
];
const distance = (payload: unknown): unknown =>
  Array.isArray(payload) ? payload.map(distance) : (payload as Reading).telemetry['value_mm'];

describe('laser-decode node', () => {
  let runtime: TestRuntime;
  before(async () => {
    runtime = await testRuntime();
    runtime.register(laserDecodeNode);
  });

  const json = Buffer.from(JSON.stringify({ raw_hex: GLM, device_id: 'aa:bb:cc:dd:ee:01' }));
  type Case = { name: string; payload: unknown; settings?: object; distances: unknown[]; reasons?: RegExp[] };
  const cases: Case[] = [
    { name: 'a raw message', payload: raw(GLM), distances: [2450] },
    { name: 'a batch, which stays one', payload: [raw(GLM), raw(DISTO, { topic: 'x' })], distances: [[2450, 3141]] },
    {
      name: 'a batch with a reply in it',
      payload: [raw('c0550201001a'), raw(GLM)],
      distances: [[2450]],
      reasons: [/reply of 6 bytes/],
    },
    { name: 'a buffer', payload: Buffer.from(GLM, 'hex'), distances: [2450] },
    { name: 'hex', payload: GLM, distances: [2450] },
    { name: 'an object with hex', payload: { hex: DISTO, kind: 'disto' }, distances: [3141] },
    { name: 'JSON over MQTT', payload: raw('', { topic: 'x', bytes: json }), distances: [2450] },
    {
      name: 'the sample of seed 000',
      payload: 'c055100600000019411a0000000000000000',
      distances: [],
      reasons: [/exactly 20 bytes, got 18/],
    },
    {
      name: 'a DISTO frame from the GLM characteristic',
      payload: raw(DISTO),
      distances: [],
      reasons: [/does not begin with c0 55/],
    },
    {
      name: 'a full packet of the distance of a DISTO X3',
      payload: raw(DISTO.padEnd(40, '0'), {
        topic: 'ble/hall/C4:00:00:00:00:03/3ab1010d-f831-4395-b29d-570977d5bf94',
      }),
      distances: [3141],
    },
    {
      name: 'another meter than set',
      payload: DISTO,
      settings: { kind: 'glm' },
      distances: [],
      reasons: [/does not begin with c0 55/],
    },
    { name: 'nothing', payload: undefined, distances: [], reasons: [/as bytes or hex/] },
    { name: 'a number', payload: 2450, distances: [], reasons: [/as bytes or hex/] },
    { name: 'an empty batch', payload: [], distances: [] },
  ];
  for (const { name, payload, settings, distances, reasons = [] } of cases)
    it(`takes ${name}`, async () => {
      await runtime.deploy(flow(settings));
      assert.deepEqual(await runtime.emit('s', { payload }), { ok: true });
      assert.deepEqual(
        runtime.received('k').map(message => distance(message.payload)),
        distances,
      );
      const got = runtime.received('bad').flatMap(message => message['reasons'] as string[]);
      assert.equal(got.length, reasons.length, got.join());
      for (const [at, reason] of reasons.entries()) assert.match(got[at]!, reason);
    });

  const contexts: [name: string, settings: object, message: Message, expected: Record<string, unknown>][] = [
    [
      'fields of the message',
      {},
      { sessionId: 's1', elementType: 'gevel', elementId: 'e1' },
      { sessionId: 's1', elementType: 'gevel', elementId: 'e1', source: 'bridge' },
    ],
    [
      'its settings',
      {
        session: 'room',
        sessionType: 'str',
        elementKind: '',
        elementKindType: 'str',
        elementId: '7',
        elementIdType: 'str',
        source: 'esp32',
      },
      { sessionId: 's1' },
      { sessionId: 'room', elementId: '7', source: 'esp32' },
    ],
  ];
  for (const [name, settings, message, expected] of contexts)
    it(`takes session and element from ${name}`, async () => {
      await runtime.deploy(flow(settings));
      await runtime.emit('s', { ...message, payload: raw(GLM) });
      const { deviceId, metadata } = runtime.received('k')[0]!.payload as Reading;
      const { sessionId, elementType, elementId, source } = metadata;
      const got = Object.fromEntries(
        Object.entries({ sessionId, elementType, elementId, source }).filter(([, value]) => value !== undefined),
      );
      assert.deepEqual(got, expected);
      assert.deepEqual(
        [deviceId, metadata.rawHex, metadata.scannerId, metadata.timestampSource],
        ['AA:BB:CC:DD:EE:FF', GLM, 'van', 'gateway'],
      );
    });

  it('decodes now for the dialog, with the meter of the form', async () => {
    await runtime.deploy(flow());
    await runtime.emit('s', { payload: [raw(GLM), raw(DISTO)] });
    const ask = async (path: string, body: object): Promise<Record<string, unknown>> => {
      const response = await fetch(`${runtime.url}/fieldline/laser-decode/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return (await response.json()) as Record<string, unknown>;
    };
    assert.deepEqual(await ask('last', { node: 'n' }), { frames: [DISTO, GLM] });
    assert.deepEqual(await ask('last', { node: 'other' }), { frames: [] });
    const glm = { ok: true, says: 'value_mm 2450 mm', decoder: 'bosch-glm', model: 'Bosch GLM' };
    assert.deepEqual(await ask('decode', { text: GLM }), { shown: [{ ...glm, device: 'unknown' }] });
    const address = 'AA:BB:CC:DD:EE:01';
    assert.deepEqual(await ask('decode', { text: `${address} ${GLM}` }), { shown: [{ ...glm, device: address }] });
    assert.deepEqual(await ask('decode', { text: DISTO, settings: { kind: 'glm' } }), {
      shown: [{ ok: false, says: 'GLM: frame does not begin with c0 55' }],
    });
    assert.deepEqual(await ask('decode', { text: 'nothing' }), {
      error: 'expected a frame as hex, or JSON with hex in it',
    });
  });

  it('says what it rejected last', async () => {
    await runtime.deploy(flow());
    await runtime.emit('s', { payload: raw(GLM) });
    await runtime.emit('s', { payload: raw('c0550201001a') });
    const { fill, text } = await runtime.untilStatus('n', /1 rejected/);
    assert.deepEqual([fill, text], ['yellow', '1 reading, 1 rejected: GLM: reply of 6 bytes, no measurement']);
  });
});
