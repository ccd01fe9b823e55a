// MiBeacon objects every product may use, ids below 0x4000 (Mi IoT object definition, as in Bluetooth-Devices/xiaomi-ble).
import { rounded } from '../shared/numbers.ts';
import { flag, idle, integer, type MiObject, number, signed, type Told, values } from './object.ts';

/** Light either in lux or only as dark and light, by product. */
const ONLY_LIGHT_OR_DARK = new Set(['MJYD02YL', 'MCCGQ02HL', 'RTCGQ02LM']);
// These two send steps; the app shows whole percent.
const WHOLE_HUMIDITY = new Set(['LYWSD03MMC', 'MHO-C401']);
const SINGLE_CELL = new Set(['LYWSDCGQ', 'CGDK3']);

/** Body temperature out of two measured ones: the approximation public parsers agreed on for 36.5 to 37.8 °C. */
function bodyTemperature(first: number, second: number): number {
  return 3.71934e-11 * Math.exp(6.9314e-3 * first) - 1.02801e-8 * Math.exp(5.3871e-3 * second) + 36.413;
}

function brushing(view: DataView): Partial<Told> {
  const on = view.getUint8(0) === 0;
  if (view.byteLength === 1) return values({ toothbrush: on });
  const second = view.getUint8(1);
  return on
    ? { telemetry: { toothbrush: true }, metadata: { brushings: second } }
    : values({ toothbrush: false, score: second });
}

export const standardObjects: readonly (readonly [number, MiObject])[] = [
  [0x0003, { bytes: [1], read: () => values({ motion: true }) }],
  [
    0x000a,
    {
      bytes: [2],
      read: view => (view.getInt16(0, true) === 0 ? {} : values({ temperature: view.getInt16(0, true) / 100 })),
    },
  ],
  [
    0x000f,
    {
      bytes: [3],
      read: (view, model) => {
        const light = integer(view, false);
        return values({
          motion: true,
          ...(ONLY_LIGHT_OR_DARK.has(model) ? { light: light >= 100 } : { illuminance: light }),
        });
      },
    },
  ],
  [0x0010, { bytes: [1, 2], read: brushing }],
  [0x1004, signed('temperature', 2, 10)],
  [0x1005, { bytes: [2], read: view => values({ power: view.getUint8(0) !== 0, temperature: view.getUint8(1) }) }],
  [
    0x1006,
    {
      bytes: [2],
      read: (view, model) => {
        const tenths = view.getUint16(0, true);
        return values({ humidity: WHOLE_HUMIDITY.has(model) ? Math.floor(tenths / 10) : tenths / 10 });
      },
    },
  ],
  [
    0x1007,
    {
      bytes: [3],
      read: (view, model) => {
        const light = integer(view, false);
        return values(ONLY_LIGHT_OR_DARK.has(model) ? { light: light === 100 } : { illuminance: light });
      },
    },
  ],
  [0x1008, number('moisture', 1)],
  [0x1009, number('conductivity', 2)],
  [
    0x100a,
    {
      bytes: [1],
      // The voltage is worked out from the percentage, as the maker's app does it: one 1.5 V cell or a 3 V one.
      read: (view, model) => {
        const battery = view.getUint8(0);
        if (battery > 100) return values({ battery });
        const [empty, full] = SINGLE_CELL.has(model) ? [0.8, 1.6] : [2.2, 3.1];
        return values({ battery, voltage: rounded(empty! + ((full! - empty!) * battery) / 100) });
      },
    },
  ],
  [
    0x100d,
    {
      bytes: [4],
      read: view => values({ temperature: view.getInt16(0, true) / 10, humidity: view.getUint16(2, true) / 10 }),
    },
  ],
  [0x1010, number('formaldehyde', 2, 100)],
  [0x1012, flag('power')],
  [0x1013, number('consumable', 1)],
  [0x1014, flag('moisture')],
  [0x1015, flag('smoke')],
  [0x1017, { bytes: [4], read: view => idle(view.getUint32(0, true)) }],
  [0x1018, flag('light')],
  [
    0x1019,
    {
      bytes: [1],
      read: view =>
        [
          values({ opening: true }),
          values({ opening: false, door_left_open: false }),
          values({ opening: true, door_left_open: true }),
        ][view.getUint8(0)] ?? {},
    },
  ],
  [0x101b, { bytes: [1, 2, 3, 4], read: () => values({ motion: false }) }],
  [
    0x2000,
    {
      bytes: [5],
      read: view =>
        values({
          temperature: bodyTemperature(view.getInt16(0, true), view.getInt16(2, true)),
          battery: view.getUint8(4),
        }),
    },
  ],
  [
    0x3003,
    {
      bytes: [5, 6],
      read: view => {
        const state = view.getUint8(0);
        return values({
          ...(state > 1 ? {} : { toothbrush: state === 0 }),
          ...(view.byteLength === 6 ? { score: view.getUint8(5) } : {}),
        });
      },
    },
  ],
];
