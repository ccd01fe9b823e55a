// Relsib EClerk Eco: service data 0xAA20 to 0xAA22, hundredths, 8000 where a sensor is not ready yet.
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const FULL = 'aa20';
const UUIDS = [FULL, 'aa21', 'aa22'];
const LENGTH = 22;
const NAME = 'ECo';
const NOT_READY = -0x8000;
/** Only a scanner that asks hears both frames; only the full one tells the battery, and that it is plugged in. */
const PLUGGED = 0x80;

function frameOf({ name, serviceData }: Advert): { uuid: string; frame: Uint8Array } | undefined {
  for (const uuid of UUIDS) {
    const frame = serviceData.get(uuid);
    if (frame !== undefined && (name === NAME || frame.length === LENGTH)) return { uuid, frame };
  }
  return undefined;
}

export const decoder = defineDecoder({
  name: 'relsib',
  vendor: 'Relsib',
  models: ['EClerk Eco'],
  source: 'https://github.com/custom-components/ble_monitor',
  keys: UUIDS,
  matches: advert => frameOf(advert) !== undefined,
  decode(advert): Decoded {
    const { uuid, frame } = frameOf(advert) ?? {};
    if (frame?.length !== LENGTH) return { rejected: `EClerk: expected ${LENGTH} bytes, got ${frame?.length ?? 0}` };
    const view = viewOf(frame);
    const at = uuid === FULL ? 4 : 0;
    const telemetry: Record<string, number> = {};
    const quality: Record<string, string> = {};
    for (const [index, metric] of ['temperature', 'humidity', 'co2'].entries()) {
      const raw = view.getInt16(at + 2 * index, true);
      if (raw === NOT_READY) quality[metric] = 'not available';
      else telemetry[metric] = metric === 'co2' ? raw : raw / 100;
    }
    const battery = view.getUint8(13);
    if (uuid === FULL) telemetry['battery'] = battery & PLUGGED ? 100 : battery;
    return { telemetry, quality, deviceModel: 'Relsib EClerk Eco' };
  },
  examples: [
    {
      name: 'with battery',
      origin: 'custom-components/ble_monitor test_relsib.py (MIT)',
      advert: { name: NAME, service_data: { [FULL]: '84000000b20a200a15030080f04700c2eb0b010b0300' } },
      gives: { temperature: 27.38, humidity: 25.92, co2: 789, battery: 71 },
    },
    {
      name: 'without',
      origin: 'custom-components/ble_monitor test_relsib.py (MIT)',
      advert: { name: NAME, service_data: { aa21: '220a75094303008045636c65726b45636f0000000000' } },
      gives: { temperature: 25.94, humidity: 24.21, co2: 835 },
    },
    {
      name: 'just switched on',
      origin: 'custom-components/ble_monitor test_relsib.py (MIT)',
      advert: { name: NAME, service_data: { [FULL]: '040000000080008000800080f04600c2eb0b010b0300' } },
      gives: { battery: 70 },
    },
    {
      name: 'below zero, plugged in',
      advert: { service_data: { [FULL]: '840000000cfe200a15030080f08000c2eb0b010b0300' } },
      gives: { temperature: -5, humidity: 25.92, co2: 789, battery: 100 },
    },
    {
      name: 'cut',
      advert: { name: NAME, service_data: { [FULL]: '84000000b20a' } },
      rejects: 'expected 22 bytes, got 6',
    },
  ],
});
