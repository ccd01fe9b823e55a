// What a device tells of itself, and what it tells that cannot be.
import assert from 'node:assert/strict';
import { type DeviceDetails, deviceDetails } from './device-details.ts';

describe('device details', () => {
  const cases: [name: string, battery: Buffer | undefined, firmware: Buffer | undefined, details: DeviceDetails][] = [
    ['both', Buffer.of(100), Buffer.from('1.4.2'), { battery_estimate: 100, firmware: '1.4.2' }],
    ['neither', undefined, undefined, {}],
    ['a battery above 100 %', Buffer.of(101), Buffer.from(' '), {}],
    ['an empty battery', Buffer.of(0), undefined, { battery_estimate: 0 }],
    ['text behind a NUL', undefined, Buffer.from('2.0\0rest\n'), { firmware: '2.0' }],
    ['a long text', undefined, Buffer.alloc(512, 'x'), { firmware: 'x'.repeat(64) }],
  ];
  for (const [name, battery, firmware, details] of cases)
    it(`takes ${name}`, async () => {
      const held = new Map([
        ['180f/2a19', battery],
        ['180a/2a26', firmware],
      ]);
      const read = async (service: string, characteristic: string): Promise<Uint8Array> => {
        const bytes = held.get(`${service}/${characteristic}`);
        if (bytes === undefined) throw new Error('no such characteristic');
        return bytes;
      };
      assert.deepEqual(await deviceDetails({ read }), details);
    });
});
