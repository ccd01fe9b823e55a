// Oral-B toothbrushes: company 0x00DC. Whether and for how long somebody brushes; the rest is words.
import { type Decoded, defineDecoder } from '../define.ts';
import { byteAt } from './shared/numbers.ts';

const COMPANY = '00dc';
// Protocol, type, firmware, state, flags, minutes, seconds, mode, sector; two more on newer ones.
const LENGTH = 9;
const RUNNING = 3;

const states: ReadonlyMap<number, string> = new Map([
  [0, 'unknown'],
  [1, 'initializing'],
  [2, 'idle'],
  [RUNNING, 'running'],
  [4, 'charging'],
  [5, 'setup'],
  [6, 'flight menu'],
  [8, 'selection menu'],
  [9, 'off'],
  [10, 'post brushing statistics'],
  [113, 'final test'],
  [114, 'pcb test'],
  [115, 'sleeping'],
  [116, 'transport'],
]);
// Of byte 4; a press of a button counts before the pressure.
const POWER_BUTTON = 0x08;
const BUTTON = 0x04;
const HIGH_PRESSURE = 0x80;
const modes = ['off', 'daily clean', 'sensitive', 'massage', 'whitening', 'deep clean', 'tongue cleaning', 'turbo'];
const ioModes: readonly (string | undefined)[] = [
  'daily clean',
  'sensitive',
  'gum care',
  'whiten',
  'intense',
  'super sensitive',
  'tongue cleaning',
  undefined,
  'settings',
  'off',
  undefined,
  'smart adapt',
];

/** Product lines by the second byte. */
const lines: readonly (readonly [first: number, last: number, model: string])[] = [
  [0, 2, 'Triumph D36'],
  [32, 34, 'Genius D701'],
  [39, 41, 'Smart D700'],
  [48, 54, 'iO'],
  [64, 70, 'Smart D21'],
  [80, 87, 'Pro D601'],
  [112, 119, 'Genius X D706'],
];

function pressureOf(flags: number): string {
  if (flags & POWER_BUTTON) return 'power button pressed';
  if (flags & BUTTON) return 'button pressed';
  return flags & HIGH_PRESSURE ? 'high' : 'normal';
}

/** 7 is the last one, whose number the frame tells behind it; 0 is none. */
function sectorOf(frame: Uint8Array): number {
  const sector = byteAt(frame, 8) & 0x07;
  return sector === 7 ? (frame[10] ?? 0) & 0x07 || 4 : sector;
}

export const decoder = defineDecoder({
  name: 'oral-b',
  vendor: 'Oral-B',
  models: lines.map(([, , model]) => model),
  source: 'https://github.com/Bluetooth-Devices/oralb-ble',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.has(COMPANY),
  decode(advert): Decoded {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    if (frame.length < LENGTH) return { rejected: `Oral-B: expected at least ${LENGTH} bytes, got ${frame.length}` };
    const type = byteAt(frame, 1);
    const state = byteAt(frame, 3);
    const mode = byteAt(frame, 7);
    const line = lines.find(([first, last]) => type >= first && type <= last)?.[2] ?? 'toothbrush';
    return {
      telemetry: { brushing: state === RUNNING, duration: byteAt(frame, 5) * 60 + byteAt(frame, 6) },
      deviceModel: `Oral-B ${line}`,
      metadata: {
        state: states.get(state) ?? `state ${state}`,
        mode: (line === 'iO' ? ioModes : modes)[mode] ?? `mode ${mode}`,
        pressure: pressureOf(byteAt(frame, 4)),
        highPressure: (byteAt(frame, 4) & HIGH_PRESSURE) !== 0,
        // A brush at rest goes on telling where it was last.
        sector: state === RUNNING ? sectorOf(frame) : 0,
      },
    };
  },
  examples: [
    {
      name: 'brushing',
      advert: { manufacturer_data: { [COMPANY]: '04210503320114010304' + '04' } },
      gives: { brushing: true, duration: 80 },
    },
    { name: 'cut', advert: { manufacturer_data: { [COMPANY]: '0421050332' } }, rejects: 'at least 9 bytes, got 5' },
  ],
});
