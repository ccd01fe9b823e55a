// A scanner has one name: what its adverts, its heartbeats and the archive call it is the same.
import assert from 'node:assert/strict';
import { scannerOf } from './advert.ts';

describe('scanner of a message', () => {
  for (const [payload, topic, scanner] of [
    [{ scanner_id: 'attic' }, 'bt-mqtt/raw/cellar', 'attic'],
    [{ scanner_id: 'attic' }, 'elsewhere', 'attic'],
    [{ scanner_id: 7 }, 'bt-mqtt/raw/cellar', '7'],
    [{ scanner_id: ' at\u0000tic\n' }, 'bt-mqtt/raw/cellar', 'attic'],
    [{ scanner_id: 'x'.repeat(300) }, 'bt-mqtt/raw/cellar', 'x'.repeat(200)],
    [{ scanner_id: '' }, 'bt-mqtt/raw/cellar', 'cellar'],
    [{ scanner_id: null }, 'bt-mqtt/raw/cellar', 'cellar'],
    [{ scanner_id: { a: 1 } }, 'bt-mqtt/raw/cellar', 'cellar'],
    [{}, 'bt-mqtt/raw/house/cellar', 'house/cellar'],
    [null, 'bt-mqtt/raw/подвал', 'подвал'],
    ['text', 'bt-mqtt/scanner/cellar/status', 'cellar'],
    [undefined, 'bt-mqtt/raw', undefined],
    [undefined, 'bt-mqtt/raw/', undefined],
    [undefined, 'bt-mqtt/scanner//status', undefined],
    [undefined, 'homelab/energy/meter', undefined],
  ] as const)
    it(`${JSON.stringify(payload)} on ${topic} is ${scanner?.slice(0, 20)}`, () =>
      assert.equal(scannerOf(payload, topic), scanner));
});
