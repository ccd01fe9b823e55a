// Shortfall: readings without a time of the device, and values that were none, are counted.
import assert from 'node:assert/strict';
import type { Reading } from './reading.ts';
import { shortfallOf } from './shortfall.ts';

const reading = (metadata: Reading['metadata']): Reading => ({
  ...{ deviceId: 'd', protocol: 'mqtt', timestamp: '2026-01-03T16:00:00.000Z', telemetry: {}, metadata },
});

describe('shortfall', () => {
  it('is none of a reading that says all', () =>
    assert.deepEqual(shortfallOf([reading({})]), { clockless: 0, absent: 0, repaired: 0 }));
  it('is counted over all readings', () => {
    const quality = { a: 'not a number', b: 'not a number' };
    const readings = [
      reading({ quality, timestampSource: 'gateway' }),
      reading({ quality: { a: 'null' }, repaired: 'x' }),
    ];
    assert.deepEqual(shortfallOf(readings), { clockless: 1, absent: 3, repaired: 1 });
  });
});
