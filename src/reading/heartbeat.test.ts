// Where a scanner says that it is: words, a point, or what nobody knows.
import assert from 'node:assert/strict';
import { heartbeat } from './heartbeat.ts';
import type { Draft } from './payload.ts';

describe('heartbeat', () => {
  const places: [given: unknown, scannerLocation: unknown, location: unknown, extra: unknown][] = [
    ['attic', 'attic', undefined, undefined],
    [{ lat: 52.1, lon: 5.2, alt: 3 }, '52.1, 5.2', { lat: 52.1, lon: 5.2 }, undefined],
    [{ room: 'attic' }, undefined, undefined, { location: { room: 'attic' } }],
    [undefined, undefined, undefined, undefined],
  ];
  for (const [given, ...expected] of places)
    it(`reads where a scanner is: ${JSON.stringify(given)}`, () => {
      const draft: Draft = { deviceId: 'roof', protocol: 'bluetooth', time: undefined, telemetry: {}, metadata: {} };
      assert.equal(heartbeat({ scanner_id: 'roof', uptime_s: 60, location: given }, draft, 'status'), undefined);
      const { scannerLocation, location, extra } = draft.metadata;
      assert.deepEqual([scannerLocation, location, extra], expected);
    });
});
