// Inkbird and Tenergy grill thermometers (iBBQ, xBBQ, Solis): tenths of a degree of one to six probes.
import type { Advert } from '../../reading/advert.ts';
import { defineDecoder } from '../define.ts';
import { macBytes } from './bthome/device.ts';
import { wholeFrame } from './inkbird/frame.ts';
import { viewOf } from './shared/numbers.ts';

// Company (2), zeros (2), address (6), then two bytes for each probe.
const HEAD = 10;
const PROBES = new Set([1, 2, 4, 6]);
const NAME = /[ix]BBQ/i;
// Ids of these frames where the name is missing; other makers use them, too.
const COMPANIES = ['0000', '0001', '0002'];
// The second is what unplugged probes of the 2X and 6XS send.
const UNPLUGGED = new Set([-1, -10]);

/** By name, or by the device's own address in the frame, in either order. */
function frameOf(advert: Advert): Uint8Array | undefined {
  if (advert.manufacturerData.size === 0) return undefined;
  const named = advert.name !== undefined && NAME.test(advert.name);
  if (named) return wholeFrame(advert);
  if (!COMPANIES.some(company => advert.manufacturerData.has(company))) return undefined;
  const written = macBytes(advert.address);
  const frame = wholeFrame(advert);
  if (written === undefined || frame === undefined) return undefined;
  const fits = frame.length > HEAD && frame[1] === 0 && frame[2] === 0 && frame[3] === 0;
  const carries = (order: Uint8Array): boolean => order.every((byte, at) => byte === frame[4 + at]);
  return fits && (carries(written) || carries(written.slice().reverse())) ? frame : undefined;
}

const origin = 'Bluetooth-Devices/inkbird-ble tests/test_parser.py (MIT)';

export const decoder = defineDecoder({
  name: 'inkbird-probes',
  vendor: 'Inkbird',
  models: [
    'iBBQ-1',
    'iBBQ-2',
    'iBBQ-4',
    'iBBQ-6',
    'xBBQ',
    'IBT-2X',
    'IBT-2XS',
    'IBT-4XS',
    'IBT-6XS',
    'Tenergy Solis 6',
  ],
  source: 'https://github.com/Bluetooth-Devices/inkbird-ble',
  matches: advert => frameOf(advert) !== undefined,
  decode(advert) {
    const frame = frameOf(advert) ?? new Uint8Array();
    const probes = (frame.length - HEAD) / 2;
    if (!PROBES.has(probes)) return { rejected: `Inkbird: ${frame.length} bytes are no frame of 1, 2, 4 or 6 probes` };
    const view = viewOf(frame);
    const telemetry: Record<string, number> = {};
    for (let probe = 1; probe <= probes; probe++) {
      const tenths = view.getInt16(HEAD + 2 * (probe - 1), true);
      if (UNPLUGGED.has(tenths)) continue;
      // Both ways of naming are in use: as a probe, and as the thermometer's first, second … temperature.
      telemetry[`temperature_probe_${probe}`] = tenths / 10;
      telemetry[probe === 1 ? 'temperature' : `temperature_${probe}`] = tenths / 10;
    }
    return { telemetry, deviceModel: `Inkbird iBBQ-${probes}` };
  },
  examples: [
    {
      name: 'two probes, the second unplugged',
      origin,
      advert: { name: 'xBBQ', manufacturer_data: { '0001': '0000561100007f73f800ffff' } },
      gives: { temperature_probe_1: 24.8, temperature: 24.8 },
    },
    {
      name: 'known by the address, below zero',
      advert: { address: 'A1:B2:C3:D4:E5:F6', manufacturer_data: { '0000': '0000a1b2c3d4e5f6ceff2c01' } },
      gives: { temperature_probe_1: -5, temperature: -5, temperature_probe_2: 30, temperature_2: 30 },
    },
    {
      name: 'known by the address in reverse order',
      advert: { address: 'A1:B2:C3:D4:E5:F6', manufacturer_data: { '0001': '0000f6e5d4c3b2a1f6ff2c01' } },
      gives: { temperature_probe_2: 30, temperature_2: 30 },
    },
    {
      name: 'cut',
      advert: { name: 'iBBQ', manufacturer_data: { '0000': '000030e2837db5020401fa0004' } },
      rejects: 'no frame of 1, 2, 4 or 6 probes',
    },
  ],
});
