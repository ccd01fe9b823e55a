// Heartbeats of scanners with another topic prefix than bt-mqtt: told by topic and message, nothing else is taken for one.
import assert from 'node:assert/strict';
import { read } from './normalize.fixture.ts';

describe('normalize: heartbeats below another prefix', () => {
  const beats: [topic: string, payload: object, deviceId: string, parser: string][] = [
    ['site7/scanner/roof/status', { uptime_s: 60, adapter_status: 'on' }, 'roof', 'heartbeat'],
    ['sites/7/scanner/roof/status', { messages_sent: 7, uptime: 60 }, 'roof', 'heartbeat'],
    ['site7/scanner/cellar/status', { uptime_s: 60 }, 'status', 'fields'],
    ['warehouse/scanner/roof/status', { battery: 80 }, 'status', 'fields'],
    ['scanner/roof/status', { uptime_s: 60 }, 'status', 'fields'],
    ['site7/gateway/roof/status', { uptime_s: 60 }, 'status', 'fields'],
  ];
  for (const [topic, payload, ...expected] of beats)
    it(`${topic} ${JSON.stringify(payload)}`, () => {
      const { deviceId, metadata } = read(topic, { scanner_id: 'roof', ...payload });
      assert.deepEqual([deviceId, metadata.parser], expected);
    });
});
