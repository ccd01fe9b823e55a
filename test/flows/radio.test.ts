// From radio to reading in real Node-RED: the captures that ship are all recognised, and come out as demo devices.
import assert from 'node:assert/strict';
import advertDecodeNode from '../../nodes/advert-decode/advert-decode.ts';
import bleGattNode from '../../nodes/ble-gatt/ble-gatt.ts';
import bleScanNode from '../../nodes/ble-scan/ble-scan.ts';
import laserDecodeNode from '../../nodes/laser-decode/laser-decode.ts';
import { builtinCaptures, loadCaptures } from '../../src/radio/captures.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { type TestRuntime, testRuntime } from '../support/node-red.ts';

describe('radio to reading', () => {
  let runtime: TestRuntime;
  before(async () => {
    runtime = await testRuntime();
    runtime.register(bleScanNode, bleGattNode, advertDecodeNode, laserDecodeNode);
  });
  after(() => runtime.deploy([]));

  it('recognises every advert that ships', async () => {
    const { adverts } = await loadCaptures(builtinCaptures);
    await runtime.deploy([
      { id: 'scan', type: 'fieldline-ble-scan', speed: 100, demoPrefix: 'demo-', wires: [['decode']] },
      { id: 'decode', type: 'fieldline-advert-decode', wires: [['readings'], ['rejected']] },
      { id: 'readings', type: 'test-sink' },
      { id: 'rejected', type: 'test-sink' },
    ]);
    const messages = (await runtime.until('readings', adverts.length)).slice(0, adverts.length);
    assert.deepEqual(runtime.received('rejected'), []);
    const readings = messages.map(({ payload }) => payload as Reading);
    assert.deepEqual(
      new Set(readings.map(({ deviceId }) => deviceId)),
      new Set(adverts.map(({ address }) => `demo-${address}`)),
    );
    for (const { telemetry, metadata } of readings) {
      assert.ok(Object.keys(telemetry).length > 0);
      assert.deepEqual([metadata.orgId, metadata.scannerId, metadata.digest?.length], ['demo', 'scanner-1', 32]);
    }
  });

  it('measures distances with the meter that ships', async () => {
    await runtime.deploy([
      { id: 'gatt', type: 'fieldline-ble-gatt', demoPrefix: 'demo-', wires: [['laser'], []] },
      { id: 'laser', type: 'fieldline-laser-decode', source: 'bridge', wires: [['distances'], ['refused']] },
      { id: 'distances', type: 'test-sink' },
      { id: 'refused', type: 'test-sink' },
    ]);
    const [message] = await runtime.until('distances', 1);
    const { deviceId, telemetry, metadata } = message!.payload as Reading;
    assert.deepEqual(telemetry, { value_mm: 1499.85 });
    assert.deepEqual([deviceId, metadata.orgId, metadata.source], ['demo-00:13:43:A1:B2:C3', 'demo', 'bridge']);
    assert.deepEqual(runtime.received('refused'), []);
  });
});
