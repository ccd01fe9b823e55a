// The reading made of an advert: which of three times counts, and what the metadata carries.
import assert from 'node:assert/strict';
import { advertReading, type Heard } from './advert-reading.ts';
import { advertOf } from './advert-record.ts';
import { defineDecoder } from './define.ts';

const decoder = defineDecoder({
  name: 'shed',
  vendor: 'Own',
  models: ['Shed'],
  source: 'https://example.org',
  matches: () => true,
  decode: () => ({ telemetry: {} }),
  examples: [],
});
const receivedAt = Date.UTC(2026, 0, 1, 12);
const receipt = { key: 'k', redelivered: false };

describe('advert reading', () => {
  const times: [
    name: string,
    own: number | undefined,
    heard: Partial<Heard>,
    timestamp: string,
    source: string | undefined,
  ][] = [
    [
      'of the device',
      Date.UTC(2025, 5, 1) / 1000,
      { timestamp: '2026-01-01T11:59:59Z' },
      '2025-06-01T00:00:00.000Z',
      undefined,
    ],
    [
      'of the scanner, finer digits kept',
      undefined,
      { timestamp: '2026-01-01T11:59:59.123456Z' },
      '2026-01-01T11:59:59.123456Z',
      undefined,
    ],
    [
      'of the scanner where the device is ahead',
      Date.UTC(2030, 0, 1) / 1000,
      { timestamp: '2026-01-01T11:59:59Z' },
      '2026-01-01T11:59:59.000Z',
      undefined,
    ],
    ['of receipt where nobody says', undefined, {}, '2026-01-01T12:00:00.000Z', 'gateway'],
    [
      'of receipt where the scanner is wrong',
      undefined,
      { timestamp: '1970-01-01T00:00:07Z' },
      '2026-01-01T12:00:00.000Z',
      'gateway',
    ],
  ];
  for (const [name, time, heard, timestamp, source] of times)
    it(`has the time ${name}`, () => {
      const advert = advertOf({ address: 'a4c1388d18b2' });
      assert.ok(!('rejected' in advert));
      const decoded = { telemetry: {}, ...(time === undefined ? {} : { time }) };
      const reading = advertReading(advert, decoder, decoded, { receivedAt, receipt, ...heard });
      assert.deepEqual([reading.timestamp, reading.metadata.timestampSource], [timestamp, source]);
      // A receipt is needed only where the message has no time of its own.
      assert.deepEqual(reading.metadata.receipt, source === undefined ? undefined : receipt);
    });

  it('carries the radio, the device and the way it came', () => {
    const advert = advertOf({ address: 'a4c1388d18b2', name: 'Shed', rssi: -60 });
    assert.ok(!('rejected' in advert));
    const decoded = { telemetry: { battery: 51 }, deviceModel: 'Shed 2', quality: { humidity: 'not available' } };
    const reading = advertReading(advert, decoder, decoded, { receivedAt, scannerId: 'attic', digest: 'd' });
    assert.deepEqual(reading, {
      deviceId: 'A4:C1:38:8D:18:B2',
      protocol: 'bluetooth',
      timestamp: '2026-01-01T12:00:00.000Z',
      telemetry: { battery: 51 },
      metadata: {
        signalStrength: -60,
        batteryLevel: 51,
        name: 'Shed',
        parser: 'shed',
        vendor: 'Own',
        model: 'Shed 2',
        quality: { humidity: 'not available' },
        timestampSource: 'gateway',
        receivedAt,
        scannerId: 'attic',
        digest: 'd',
      },
    });
  });

  it('gives demo devices to the organisation demo', () => {
    const advert = advertOf({ address: 'demo-A4:C1:38:8D:18:B2' });
    assert.ok(!('rejected' in advert));
    const { deviceId, metadata } = advertReading(advert, decoder, { telemetry: {} }, { receivedAt });
    assert.deepEqual([deviceId, metadata.orgId], ['demo-A4:C1:38:8D:18:B2', 'demo']);
  });

  it('calls a device without address unknown', () => {
    const advert = advertOf({});
    assert.ok(!('rejected' in advert));
    assert.equal(advertReading(advert, decoder, { telemetry: {} }, { receivedAt }).deviceId, 'unknown');
  });
});
