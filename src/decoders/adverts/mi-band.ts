// Xiaomi and Amazfit bands and watches: company 0x0157, sometimes with the steps of the day in service data 0xFEE0.
import type { Advert } from '../../reading/advert.ts';
import { defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const COMPANY = '0157';
const LENGTH = 24;
const UUID = 'fee0';
const MOST_STEPS = 500_000;

/** Scanners that drop the UUID give the steps without one. */
function stepsOf(advert: Advert): Uint8Array | undefined {
  const steps =
    advert.serviceData.get(UUID) ?? (advert.manufacturerData.has(COMPANY) ? advert.serviceData.get('') : undefined);
  return steps?.length === 4 ? steps : undefined;
}

export const decoder = defineDecoder({
  name: 'mi-band',
  vendor: 'Xiaomi',
  models: ['Mi Band', 'Amazfit'],
  source: 'https://decoder.theengs.io/devices/MB_SW.html',
  keys: [COMPANY, UUID],
  matches: advert => advert.manufacturerData.get(COMPANY)?.length === LENGTH || stepsOf(advert) !== undefined,
  decode(advert) {
    const steps = stepsOf(advert);
    const frame = advert.manufacturerData.get(COMPANY);
    const taken = steps === undefined ? undefined : viewOf(steps).getUint32(0, true);
    if (taken !== undefined && taken > MOST_STEPS) return { rejected: 'Mi Band: more steps than a day has' };
    // Above 0xF0: no heart rate is being taken.
    const pulse = frame?.[0] === 0x02 ? (frame[3] ?? 0xff) : 0xff;
    return {
      telemetry: {
        ...(taken === undefined ? {} : { steps: taken }),
        ...(pulse < 0xf0 ? { heart_rate: pulse } : {}),
      },
      deviceModel: 'Mi Band or Amazfit',
    };
  },
  examples: [
    {
      name: 'nearby',
      advert: { manufacturer_data: { [COMPANY]: `02ffffff${'00'.repeat(13)}03d0cf5e112233` } },
      gives: {},
    },
    {
      name: 'heart rate and steps',
      advert: {
        manufacturer_data: { [COMPANY]: `02ffff48${'00'.repeat(13)}03d0cf5e112233` },
        service_data: { [UUID]: '10270000' },
      },
      gives: { heart_rate: 72, steps: 10_000 },
    },
  ],
});
