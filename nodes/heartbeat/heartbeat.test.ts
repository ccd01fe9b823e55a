// heartbeat in real Node-RED: what it says of the scan with its scanner id, by the clock and at once.
import assert from 'node:assert/strict';
import type { HeartbeatWire } from '../../src/reading/heartbeat.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import bleScanNode from '../ble-scan/ble-scan.ts';
import heartbeatNode from './heartbeat.ts';

const payloadOf = (message: { payload?: unknown } | undefined) => message?.payload as HeartbeatWire;

describe('heartbeat node', () => {
  let runtime: TestRuntime;
  before(async () => {
    runtime = await testRuntime();
    runtime.register(bleScanNode, heartbeatNode);
  });
  after(() => runtime.deploy([]));

  it('counts what its scanner has sent and heard, and no other one', async () => {
    await runtime.deploy([
      { id: 'scan', type: 'fieldline-ble-scan', scanner: 'attic', speed: 1000, wires: [['adverts']] },
      { id: 'other', type: 'fieldline-ble-scan', scanner: 'cellar', adapter: 'replay:/nowhere.jsonl' },
      { id: 'beat', type: 'fieldline-heartbeat', scanner: 'attic', location: ' top floor ', wires: [['beats']] },
      { id: 'adverts', type: 'test-sink' },
      { id: 'beats', type: 'test-sink' },
    ]);
    await runtime.until('adverts', 20);
    runtime.inject('beat', { payload: 'now' });
    const [message] = await runtime.until('beats', 1);
    assert.deepEqual(
      [message?.topic, message?.['qos'], message?.['retain']],
      ['bt-mqtt/scanner/attic/status', 1, false],
    );
    const { timestamp, uptime_s, messages_sent, devices_seen, ...rest } = payloadOf(message);
    assert.deepEqual(rest, { scanner_id: 'attic', adapter_status: 'on', location: 'top floor' });
    assert.match(timestamp, /^\d{4}-.*Z$/);
    assert.ok(messages_sent >= 20 && devices_seen > 1 && devices_seen <= messages_sent && uptime_s >= 0);
    assert.match((await runtime.untilStatus('beat', /messages/)).text ?? '', /^\d+ messages, \d+ devices$/);
  });

  it('comes by itself, and says that there is no scan', async () => {
    await runtime.deploy([
      { id: 'beat', type: 'fieldline-heartbeat', scanner: 'gone', intervalSeconds: 1, wires: [['beats']] },
      { id: 'beats', type: 'test-sink' },
    ]);
    const messages = await runtime.until('beats', 2);
    assert.deepEqual(
      messages.map(message => [payloadOf(message).adapter_status, payloadOf(message).messages_sent]),
      [
        ['none', 0],
        ['none', 0],
      ],
    );
    assert.equal(runtime.status('beat').fill, 'yellow');
  });
});
