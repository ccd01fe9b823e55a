// Kegtron keg monitors: volumes in millilitres, port and its name, in company 0xFFFF, which anybody may use: all others are asked first.
import { type Decoded, defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const COMPANY = 'ffff';
const LENGTH = 27;
const DUAL = 0x40;
const SECOND = 0x10;
const CONFIGURED = 0x01;
// Filled up with NUL.
const NAME = /^[\x20-\x7e]*\0*$/;

const nameOf = (frame: Uint8Array): string => Buffer.from(frame.subarray(7)).toString('latin1');

export const decoder = defineDecoder({
  name: 'kegtron',
  vendor: 'Kegtron',
  models: ['KT-100', 'KT-200'],
  source: 'https://github.com/Bluetooth-Devices/kegtron-ble',
  generic: true,
  keys: [COMPANY],
  matches(advert) {
    const frame = advert.manufacturerData.get(COMPANY);
    return frame?.length === LENGTH && NAME.test(nameOf(frame));
  },
  decode(advert): Decoded {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    if (frame.length !== LENGTH) return { rejected: `Kegtron: expected ${LENGTH} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    const port = view.getUint8(6);
    const dual = (port & DUAL) !== 0;
    const which = !dual ? '' : port & SECOND ? '_port_2' : '_port_1';
    return {
      telemetry: {
        [`keg_size${which}`]: view.getUint16(0) / 1000,
        [`volume_start${which}`]: view.getUint16(2) / 1000,
        [`volume_dispensed${which}`]: view.getUint16(4) / 1000,
        [`port_configured${which}`]: (port & CONFIGURED) !== 0,
      },
      deviceModel: dual ? 'Kegtron KT-200' : 'Kegtron KT-100',
      metadata: { portName: nameOf(frame).replace(/\0+$/, '') },
    };
  },
  examples: [
    {
      name: 'one port',
      origin: 'Bluetooth-Devices/kegtron-ble tests/test_parser.py (MIT)',
      advert: {
        manufacturer_data: { [COMPANY]: '49ef138802e201' + '53696e676c6520506f7274' + '000000000000000000' },
      },
      gives: { keg_size: 18.927, volume_start: 5, volume_dispensed: 0.738, port_configured: true },
    },
    {
      name: 'the second of two ports',
      origin: 'Bluetooth-Devices/kegtron-ble tests/test_parser.py (MIT)',
      advert: {
        manufacturer_data: { [COMPANY]: 'e6323a9802e251' + '326e6420506f7274' + '000000000000000000000000' },
      },
      gives: {
        keg_size_port_2: 58.93,
        volume_start_port_2: 15,
        volume_dispensed_port_2: 0.738,
        port_configured_port_2: true,
      },
    },
  ],
});
