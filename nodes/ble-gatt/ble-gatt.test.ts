// ble-gatt in real Node-RED on captures: notifications, status messages, devices that are not there.
import assert from 'node:assert/strict';
import { toHex } from '../../src/kernel/bytes.ts';
import { isRaw } from '../../src/reading/raw.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import bleGattNode from './ble-gatt.ts';

const flow = (settings: object = {}) => [
  { id: 'n', type: 'fieldline-ble-gatt', wires: [['k'], ['status']], scanner: 'van', ...settings },
  { id: 'k', type: 'test-sink' },
  { id: 'status', type: 'test-sink' },
];

describe('ble-gatt node', () => {
  let runtime: TestRuntime;
  before(async () => {
    runtime = await testRuntime();
    runtime.register(bleGattNode);
  });
  after(() => runtime.deploy([]));

  it('sends notifications as raw messages, and the status of the link', async () => {
    await runtime.deploy(flow({ demoPrefix: 'demo-' }));
    const [up] = await runtime.until('status', 1);
    const device = 'demo-00:13:43:A1:B2:C3';
    assert.equal(up?.topic, `scarnergy/status/${device}`);
    assert.deepEqual(up?.payload, { type: 'status', device_id: device, connected: true, measurements_today: 0 });
    const [message] = await runtime.until('k', 1);
    assert.ok(isRaw(message?.payload));
    const { topic, bytes, source, deviceId, protocol } = message.payload;
    assert.equal(topic, `ble/van/${device}/02a6c0d1-0451-4000-b000-fb3210111989`);
    assert.deepEqual(
      [message.topic, toHex(bytes).slice(0, 6), source, deviceId, protocol],
      [topic, 'c05510', 'van', device, 'bluetooth'],
    );
    const { fill } = await runtime.untilStatus('n', /connected, 1 measurement today/);
    assert.equal(fill, 'green');
  });

  it('says what the link has measured, as often as it is told to', async () => {
    await runtime.deploy(flow({ statusSeconds: 1 }));
    const messages = await runtime.until('status', 3);
    const {
      connected,
      measurements_today: today,
      last_measurement: last,
    } = messages.at(-1)!.payload as Record<string, unknown>;
    assert.deepEqual([connected, typeof today, new Date(String(last)).toISOString()], [true, 'number', last]);
  });

  it('tries again where the device is away, and says so', async () => {
    await runtime.deploy(flow({ address: '00:00:00:00:00:01' }));
    const { fill } = await runtime.untilStatus(
      'n',
      /not connected, trying again: .*expected a device that was captured/,
    );
    assert.equal(fill, 'yellow');
    assert.equal(((await runtime.until('status', 1))[0]!.payload as { connected: boolean }).connected, false);
  });

  it('rests where the demo is off', async () => {
    await runtime.deploy(flow({ adapter: 'demo' }));
    assert.equal((await runtime.untilStatus('n', /the demo instruments are off/)).fill, 'grey');
    assert.deepEqual(runtime.received('status'), []);
  });

  const broken: [name: string, settings: object, text: RegExp][] = [
    ['own without a service', { preset: 'own' }, /Kind own: expected service and characteristic/],
    ['an adapter', { adapter: 'hci' }, /adapter: expected hci0, tcp:/],
    ['no address', { address: '' }, /Device: expected a value/],
  ];
  for (const [name, settings, text] of broken)
    it(`says what is wrong with ${name}`, async () => {
      await runtime.deploy(flow(settings));
      assert.equal((await runtime.untilStatus('n', text)).fill, 'red');
    });
});
