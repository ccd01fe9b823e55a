// Amazfit Smart Scale: 20 bytes of service data 0xFEE0; bands and watches of the maker use the UUID for their steps.
import { defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const UUID = 'fee0';
const LENGTH = 20;

export const decoder = defineDecoder({
  name: 'amazfit-scale',
  vendor: 'Amazfit',
  models: ['Smart Scale'],
  source: 'https://github.com/custom-components/ble_monitor',
  keys: [UUID],
  matches: advert => advert.serviceData.get(UUID)?.length === LENGTH,
  decode(advert) {
    const frame = advert.serviceData.get(UUID);
    if (frame?.length !== LENGTH) return { rejected: `Amazfit scale: expected ${LENGTH} bytes` };
    const view = viewOf(frame);
    const mass = view.getUint16(7, true) / 200;
    // What these three bytes say is not known; they are zero until the weighing has ended.
    const stabilized = frame[9] !== 0 || frame[10] !== 0 || frame[11] !== 0;
    const pulse = view.getUint8(12);
    return {
      telemetry: {
        mass_non_stabilized: mass,
        stabilized,
        ...(stabilized ? { mass, impedance: view.getUint16(5, true) / 10 } : {}),
        ...(stabilized && pulse > 0 ? { heart_rate: pulse } : {}),
      },
      deviceModel: 'Amazfit Smart Scale',
    };
  },
  examples: [
    {
      name: 'weighed',
      advert: { service_data: { [UUID]: '0011223344' + '8813' + '803e' + '46ec68' + '48' + '00000000000000' } },
      gives: { mass_non_stabilized: 80, stabilized: true, mass: 80, impedance: 500, heart_rate: 72 },
    },
    {
      name: 'still weighing',
      advert: { service_data: { [UUID]: '0011223344' + '0000' + '803e' + '000000' + '00' + '00000000000000' } },
      gives: { mass_non_stabilized: 80, stabilized: false },
    },
  ],
});
