// Thermometers with the custom firmware of atc1441 or pvvx: service data 0x181A in one of two layouts, told apart by length.
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';

const UUID = '181a';
const ATC1441 = 13;
const PVVX = 15;

/** Both begin with the address: atc1441 as it is written, big-endian throughout; pvvx reversed, little-endian. */
function decode(advert: Advert): Decoded {
  const frame = advert.serviceData.get(UUID) ?? new Uint8Array();
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if (frame.length === ATC1441)
    return {
      telemetry: {
        temperature: view.getInt16(6) / 10,
        humidity: view.getUint8(8),
        battery: view.getUint8(9),
        voltage: view.getUint16(10) / 1000,
      },
      deviceModel: 'Thermometer with ATC firmware',
      metadata: { packetId: view.getUint8(12) },
    };
  return {
    telemetry: {
      temperature: view.getInt16(6, true) / 100,
      humidity: view.getUint16(8, true) / 100,
      voltage: view.getUint16(10, true) / 1000,
      battery: view.getUint8(12),
    },
    deviceModel: 'Thermometer with PVVX firmware',
    metadata: { packetId: view.getUint8(13) },
  };
}

export const decoder = defineDecoder({
  name: 'atc-thermometer',
  vendor: 'ATC',
  models: ['Thermometer with ATC firmware', 'Thermometer with PVVX firmware'],
  source: 'https://github.com/pvvx/ATC_MiThermometer',
  // The UUID is that of environmental sensing, which others use as well; the BTHome objects of the same advert say more.
  matches(advert) {
    const length = advert.serviceData.get(UUID)?.length;
    return (
      (length === ATC1441 || length === PVVX) && !advert.serviceData.has('181c') && !advert.serviceData.has('fcd2')
    );
  },
  decode,
  examples: [
    {
      name: 'atc1441, below zero',
      advert: { service_data: { '181a': 'a4c138001122ffce3d550bb801' } },
      gives: { temperature: -5, humidity: 61, battery: 85, voltage: 3 },
    },
    {
      name: 'pvvx, below zero',
      advert: { service_data: { '181a': '22110038c1a40cfe0c17b80b550704' } },
      gives: { temperature: -5, humidity: 59, battery: 85, voltage: 3 },
    },
  ],
});
