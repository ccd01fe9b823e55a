// Decode now: what can be pasted, what was kept, and the words of the answer.
import assert from 'node:assert/strict';
import type { Raw } from '../reading/raw.ts';
import type { Reading } from '../reading/reading.ts';
import { lastFrames, readPasted, shownOf } from './decode-now.ts';

const raw = (bytes: Buffer): Raw => ({ topic: 't', bytes, receivedAt: 0, source: 's', protocol: 'bluetooth' });

describe('decode now', () => {
  const pasted: [text: string, expected: unknown][] = [
    ['{"rssi":-1}', { json: { rssi: -1 } }],
    ['[{"rssi":-1}]', { json: [{ rssi: -1 }] }],
    ['c0 55', { bytes: Uint8Array.of(0xc0, 0x55) }],
    ['1234', { bytes: Uint8Array.of(0x12, 0x34) }],
    ['aa:bb:cc:dd:ee:ff c055', { bytes: Uint8Array.of(0xc0, 0x55), address: 'AA:BB:CC:DD:EE:FF' }],
    ['aabb.ccdd.eeff c055', { bytes: Uint8Array.of(0xc0, 0x55), address: 'AA:BB:CC:DD:EE:FF' }],
    ['aa:bb:cc:dd:ee:ff', { bytes: Uint8Array.of(0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff) }],
    ['no hex', undefined],
    ['', undefined],
    ['{"rssi":', undefined],
  ];
  for (const [text, expected] of pasted)
    it(`reads ${JSON.stringify(text)}`, () => assert.deepEqual(readPasted(text), expected));

  it('keeps the last five, as text to be pasted', () => {
    const frames = lastFrames();
    frames.keep([raw(Buffer.of(1)), raw(Buffer.from('{"a":1}'))]);
    frames.keep('c055');
    frames.keep({ hex: '01' });
    frames.keep(Buffer.of(2));
    frames.keep(undefined);
    assert.deepEqual(frames.list(), ['02', '{"hex":"01"}', 'c055', '{"a":1}']);
    frames.keep(Array.from({ length: 100 }, (_, at) => Buffer.of(at)));
    assert.deepEqual(frames.list(), ['63', '62', '61', '60', '5f']);
  });

  it('says values with their units, what is absent and why, and reasons', () => {
    const reading = (telemetry: Reading['telemetry'], metadata: Reading['metadata'] = {}): Reading => ({
      deviceId: 'AA',
      protocol: 'bluetooth',
      timestamp: '2026-01-01T00:00:00.000Z',
      telemetry,
      metadata,
    });
    const told = reading(
      { temperature: 21.5, window: true },
      { parser: 'bthome-v2', quality: { humidity: 'not available' } },
    );
    assert.deepEqual(
      shownOf({
        batch: false,
        readings: [told, reading({})],
        refused: [{ reason: 'wrong key', label: 'x', member: 0 }],
      }),
      [
        {
          ok: true,
          says: 'temperature 21.5 °C, window true, humidity is absent: not available',
          device: 'AA',
          decoder: 'bthome-v2',
        },
        { ok: true, says: 'recognised; it gives no values', device: 'AA' },
        { ok: false, says: 'wrong key' },
      ],
    );
  });
});
