// iNode energy meters: counted pulses of a meter; the company id carries the type and the alarm for a low battery.
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { batteryOf } from './inode/battery.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const COMPANIES = ['8290', '8292', '8294', '8296'] as const;
const LENGTH = 11;
const LOW_BATTERY = 0x04;
// Bits 14 and 15 of the pulse constant.
const ENERGY = 0;
const VOLUME = 1;

const frameOf = (advert: Advert): { frame: Uint8Array; company: number } | undefined => {
  const company = COMPANIES.find(id => advert.manufacturerData.has(id));
  const frame = company && advert.manufacturerData.get(company);
  return company && frame && { frame, company: Number.parseInt(company, 16) };
};

export const decoder = defineDecoder({
  name: 'inode-meter',
  vendor: 'iNode',
  models: ['Energy Meter'],
  source: 'https://support.inode.pl/docs/iNode_Energy_Meter/',
  keys: COMPANIES,
  matches: advert => frameOf(advert) !== undefined,
  decode(advert): Decoded {
    const found = frameOf(advert);
    const frame = found?.frame ?? new Uint8Array();
    if (found === undefined || frame.length !== LENGTH)
      return { rejected: `iNode: expected ${LENGTH} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    const constant = view.getUint16(6, true);
    const pulses = constant & 0x3fff;
    const unit = constant >> 14;
    const telemetry: Record<string, number | boolean> = {
      ...batteryOf(view.getUint8(8) >> 4),
      low_battery: (found.company & LOW_BATTERY) !== 0,
    };
    // Pulses of the last minute, pulses in all.
    const rate = (view.getUint16(0, true) * 60) / pulses;
    const total = view.getUint32(2, true) / pulses;
    if (pulses > 0 && unit === ENERGY) {
      telemetry['power'] = rounded(rate * 1000);
      telemetry['energy'] = rounded(total);
    } else if (pulses > 0 && unit === VOLUME) {
      telemetry['volume_flow_rate'] = rounded(rate);
      telemetry['water'] = rounded(total * 1000);
    }
    return {
      telemetry,
      deviceModel: 'iNode Energy Meter',
      quality: pulses === 0 ? { energy: 'the pulse constant is 0' } : {},
    };
  },
  examples: [
    {
      name: 'electricity',
      advert: { manufacturer_data: { '8292': '3200a0860100e803500080' } },
      gives: { battery: 40, low_battery: false, power: 3000, energy: 100 },
    },
    {
      name: 'water, battery low',
      advert: { manufacturer_data: { '8294': '0100e80300006440260080' } },
      gives: { battery: 10, low_battery: true, volume_flow_rate: 0.6, water: 10_000 },
    },
    {
      name: 'electricity, battery not told',
      advert: { manufacturer_data: { '8290': '3200a0860100e803000080' } },
      gives: { low_battery: false, power: 3000, energy: 100 },
    },
    { name: 'cut', advert: { manufacturer_data: { '8290': '3200a086' } }, rejects: 'expected 11 bytes, got 4' },
  ],
});
