// ble-gatt with the real noble: commands, every preset, what its dialog asks for, and devices that refuse.
import assert from 'node:assert/strict';
import bleGattNode from '../../nodes/ble-gatt/ble-gatt.ts';
import { adStructures } from '../../sim/controller/air.ts';
import { type EmulatedController, emulatedController } from '../../sim/controller/controller.ts';
import { gattServer, PROPERTY } from '../../sim/controller/gatt.ts';
import { distoMeter, glm100Meter, glmMeter, type Meter } from '../../sim/controller/meters.ts';
import { laserOf } from '../../src/decoders/laser/members.ts';
import { toHex } from '../../src/kernel/bytes.ts';
import { isRaw, type Raw } from '../../src/reading/raw.ts';
import { type TestRuntime, testRuntime } from '../support/node-red.ts';
import { nobleIsHere, withNoble } from './noble-here.ts';

const GLM = '00:13:43:A1:B2:C3';
const OLDER = '00:13:43:A1:B2:C4';
const DISTO = 'C4:00:00:00:00:0F';
const SENSOR = 'C4:00:00:00:00:10';
const NEWER_DISTO = 'C4:00:00:00:00:11';
const OWN = { service: 'aaaa', characteristic: 'bbbb' };

(nobleIsHere ? describe : describe.skip)(withNoble('ble-gatt on a controller'), () => {
  let runtime: TestRuntime;
  let controller: EmulatedController;
  let disto: Meter;
  let reads = 0;
  before(async () => {
    runtime = await testRuntime();
    runtime.register(bleGattNode);
    controller = await emulatedController();
    disto = distoMeter({ address: DISTO, random: true, finds: 3.25 });
    const value = Buffer.from('0102', 'hex');
    const sensor = gattServer([
      {
        uuid: 'aaaa',
        characteristics: [
          { uuid: 'bbbb', properties: PROPERTY.read, value },
          // Says that it can be written, and refuses.
          { uuid: 'cccc', properties: PROPERTY.write },
        ],
      },
    ]);
    const counting = {
      ...sensor,
      answer(request: Buffer) {
        if (request[0] === 0x0a) reads++;
        return sensor.answer(request);
      },
    };
    controller.air.add({
      address: SENSOR,
      random: true,
      everyMs: 50,
      data: adStructures([0x09, Buffer.from('own')]),
      gatt: counting,
    });
    for (const { advertiser } of [
      glmMeter({ address: GLM, finds: 2.45 }),
      glm100Meter({ address: OLDER, finds: 1.25 }),
      disto,
      distoMeter({ address: NEWER_DISTO, random: true, finds: 4.75, newer: true }),
    ])
      controller.air.add(advertiser);
  });
  after(async () => {
    await runtime.deploy([]);
    await controller.close();
  });

  const gatt = (settings: object) => ({
    id: 'gatt',
    type: 'fieldline-ble-gatt',
    adapter: `tcp://127.0.0.1:${controller.port}`,
    scanner: 'van',
    wires: [['frames'], ['status'], ['answers']],
    ...settings,
  });
  const deploy = async (settings: object): Promise<void> => {
    await runtime.deploy([
      gatt(settings),
      { id: 'src', type: 'test-source', wires: [['gatt']] },
      ...['frames', 'status', 'answers'].map(id => ({ id, type: 'test-sink' })),
    ]);
    const up = (): boolean =>
      runtime.received('status').some(({ payload }) => (payload as { connected: boolean }).connected);
    for (let count = 1; !up(); count++) await runtime.until('status', count);
  };
  const ask = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const response = await fetch(`${runtime.url}/fieldline/ble-gatt/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return (await response.json()) as Record<string, unknown>;
  };

  const meters: [name: string, preset: string, address: string, millimetres: number][] = [
    ['a Bosch GLM', 'bosch-glm', GLM, 2450],
    ['a GLM 100, in pieces', 'bosch-glm-older', OLDER, 1250],
    ['a Leica DISTO of the X family', 'leica-disto', NEWER_DISTO, 4750],
    ['a Leica DISTO', 'leica-disto', DISTO, 3250],
  ];
  for (const [name, preset, address, millimetres] of meters)
    it(`measures when it is told to: ${name}`, async () => {
      await deploy({ preset, address });
      assert.deepEqual(await runtime.emit('src', { payload: 'measure' }), { ok: true });
      const [answer] = await runtime.until('answers', 1);
      assert.equal((answer!.payload as { command: string }).command, 'measure');
      const distances = (): unknown[] =>
        runtime.received('frames').map(({ payload }) => {
          const read = laserOf(payload, { now: 0 });
          return 'reason' in read ? read.reason : read.telemetry['value_mm'];
        });
      for (let count = 1; !distances().includes(millimetres); count++) await runtime.until('frames', count);
      await runtime.untilStatus('gatt', /1 measurement today/);
      // The button on the canvas.
      assert.deepEqual(await ask('measure', { node: 'gatt' }), { says: 'measure command sent' });
    });

  it('knows a device by its address, however that is written', async () => {
    await deploy({ preset: 'leica-disto', address: ' c4-00-00-00-00-0f ' });
    // The second tells of battery and firmware.
    const [up] = await runtime.until('status', 2);
    assert.equal(up?.topic, `scarnergy/status/${DISTO}`);
    await runtime.emit('src', { payload: 'measure' });
    const [frame] = await runtime.until('frames', 1);
    assert.equal((frame!.payload as Raw).deviceId, DISTO);
  });

  it('reads and writes what a message names', async () => {
    await deploy({ preset: 'leica-disto', address: DISTO });
    await runtime.emit('src', { payload: { command: 'read', service: '180f', characteristic: '2a19' } });
    const [read] = await runtime.until('answers', 1);
    assert.ok(isRaw(read?.payload));
    assert.deepEqual([read.payload.topic, toHex(read.payload.bytes)], [`ble/van/${DISTO}/2a19`, '3c']);
    await runtime.emit('src', { topic: 'write', payload: Buffer.from('o') });
    assert.deepEqual((await runtime.until('answers', 2))[1]?.payload, { command: 'write', written: '6f' });
    assert.equal(disto.written.at(-1), '6f');
    const wrong: [message: { payload: object }, reason: RegExp][] = [
      [{ payload: { command: 'erase' } }, /command: expected measure, read, write/],
      [{ payload: { command: 'read', characteristic: '9999' } }, /characteristic: expected 9999/],
      [{ payload: { command: 'read', service: '1111' } }, /service: expected 1111/],
    ];
    for (const [message, reason] of wrong) {
      const settled = await runtime.emit('src', message);
      assert.ok(!settled.ok && settled.kind === 'data' && reason.test(settled.reason), JSON.stringify(settled));
    }
  });

  it('reads an own device again and again; a refusal is said at once, and the link stays', async () => {
    await deploy({ preset: 'own', ...OWN, how: 'read', readSeconds: 0.1, address: SENSOR });
    const [first] = await runtime.until('frames', 3);
    assert.equal(toHex((first!.payload as Raw).bytes), '0102');
    const settled = await runtime.emit('src', { payload: { command: 'write', characteristic: 'cccc', value: '01' } });
    assert.ok(!settled.ok && /the device refuses: writing is not permitted \(0x03\)/.test(settled.reason));
    const other = await runtime.emit('src', { payload: { command: 'write', value: '01' } });
    assert.ok(!other.ok && /the device refuses: writing is not permitted/.test(other.reason));
    const before = reads;
    await runtime.until('frames', runtime.received('frames').length + 2);
    assert.ok(reads > before);
    assert.ok(runtime.received('status').every(({ payload }) => (payload as { connected: boolean }).connected));
  });

  it('says so where a command finds no device', async () => {
    await runtime.deploy([
      gatt({ address: '00:00:00:00:00:09' }),
      { id: 'src', type: 'test-source', wires: [['gatt']] },
      { id: 'frames', type: 'test-sink' },
    ]);
    const settled = await runtime.emit('src', { payload: 'measure' });
    assert.ok(!settled.ok && settled.kind === 'data' && /is not connected/.test(settled.reason));
    assert.match(String((await ask('measure', { node: 'nobody' }))['error']), /deploy the node first/);
  });

  describe('dialog', () => {
    const settings = (more: object) => ({ adapter: `tcp://127.0.0.1:${controller.port}`, address: GLM, ...more });

    it('lists what is on the air, with names and kinds, while a node listens and measures', async () => {
      await deploy({ preset: 'bosch-glm', address: GLM });
      type Heard = { address: string; name?: string; rssi?: number; kind?: string };
      const look = async () =>
        (await ask('scan', { adapter: `tcp://127.0.0.1:${controller.port}`, prefix: '' })) as {
          state: string;
          devices: Heard[];
        };
      let view = await look();
      const named = (): string[] => view.devices.flatMap(({ name }) => name ?? []).sort();
      while (named().length < 4) view = await look();
      assert.deepEqual(named(), ['Bosch GLM100C x0002', 'DISTO 12345678', 'DISTO 12345678', 'own']);
      const kinds = Object.fromEntries(view.devices.map(({ address, kind }) => [address, kind]));
      assert.deepEqual(kinds, {
        [OLDER]: 'bosch-glm-older',
        [DISTO]: 'leica-disto',
        [NEWER_DISTO]: 'leica-disto',
        [SENSOR]: undefined,
      });
      assert.ok(view.devices.every(({ rssi }) => rssi === -60));
      await runtime.emit('src', { payload: 'measure' });
      await runtime.until('frames', 2);
    });

    it('reads the services, over the link of the node and over one of its own', async () => {
      await deploy({ preset: 'bosch-glm', address: GLM });
      for (const address of [GLM, DISTO]) {
        const { services } = (await ask('services', { node: 'gatt', settings: settings({ address }) })) as {
          services: { uuid: string; characteristics: { uuid: string; properties: string[] }[] }[];
        };
        assert.deepEqual(services.at(-2), { uuid: '180f', characteristics: [{ uuid: '2a19', properties: ['read'] }] });
        assert.match(services[0]!.uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-/);
      }
    });

    it('measures with settings that are not deployed', async () => {
      await runtime.deploy([]);
      for (const [, preset, address, millimetres] of meters) {
        const answer = await ask('try', { node: 'new', settings: settings({ preset, address }) });
        assert.equal(answer['says'], `value_mm ${millimetres}`, JSON.stringify(answer));
      }
      const own = await ask('try', {
        node: 'new',
        settings: settings({ preset: 'own', ...OWN, how: 'read', address: SENSOR }),
      });
      assert.deepEqual(own, { hex: '0102', says: '2 bytes' });
      const wrong = await ask('try', { node: 'new', settings: settings({ preset: 'own', enable: 'xy' }) });
      assert.match(String(wrong['error']), /Enable command: expected bytes as hex, got "xy"/);
    });

    it('says what is wrong with an adapter', async () => {
      assert.match(String((await ask('scan', { adapter: 'usb0' }))['error']), /adapter: expected hci0/);
    });
  });
});
