// MiBeacon objects of buttons, dimmers, remotes and the cube: which one was pressed, and how.
import type { Value } from '../../../reading/reading.ts';
import { type MiObject, type Told, values } from './object.ts';

/** Remotes: names of their buttons by number. */
const remotes: ReadonlyMap<string, readonly string[]> = new Map([
  ['YLYK01YL', ['on', 'off', 'brightness', 'plus', 'm', 'min']],
  ['YLYK01YL-FANCL', ['fan', 'light', 'wind_speed', 'color_temperature', 'wind_mode', 'brightness']],
  [
    'YLYK01YL-VENFAN',
    ['swing', 'power', 'timer_60_minutes', 'increase_wind_speed', 'timer_30_minutes', 'decrease_wind_speed'],
  ],
  [
    'YLYB01YL-BHFRC',
    ['stop', 'air_exchange', 'fan', 'increase_speed', 'decrease_speed', 'dry', 'light', 'swing', 'heat'],
  ],
]);

/** Wall switches of several keys: the keys pressed together, by number. */
const switches: ReadonlyMap<string, readonly (readonly string[])[]> = new Map([
  ['K9B-1BTN', [['button']]],
  ['K9B-2BTN', [['button_left'], ['button_right'], ['button_left', 'button_right']]],
  [
    'K9B-3BTN',
    [
      ['button_left'],
      ['button_middle'],
      ['button_right'],
      ['button_left', 'button_middle'],
      ['button_middle', 'button_right'],
      ['button_left', 'button_right'],
      ['button_left', 'button_middle', 'button_right'],
    ],
  ],
]);
// They tell the way of pressing in another order than all others.
const switchPresses = ['press', 'long_press', 'double_press'];
const presses = new Map([
  [0, 'press'],
  [1, 'double_press'],
  [2, 'long_press'],
  [5, 'press'],
  [6, 'long_press'],
]);

const SINGLE_BUTTONS = new Set(['RTCGQ02LM', 'YLAI003', 'PTX_YK1_QMIMB', 'JTYJGD03MI', 'SJWS01LM']);

/** Which button, a number of steps or presses, way of pressing. */
function pressed(view: DataView, model: string): Partial<Told> {
  const button = view.getUint8(0);
  const way = view.getUint8(2);
  if (model === 'YLKG07YL/YLKG08YL') return values(dimmed(button, view.getUint8(1), way));
  if (model === 'XMMF01JQD') {
    const turn = ['rotate_right', 'rotate_left'][button];
    return turn === undefined ? {} : values({ cube: turn });
  }
  const keys = switches.get(model);
  if (keys !== undefined) {
    const press = switchPresses[way];
    return press === undefined ? {} : values(Object.fromEntries((keys[button] ?? []).map(key => [key, press])));
  }
  const press = presses.get(way);
  if (press === undefined) return {};
  const names = remotes.get(model);
  if (names === undefined) return SINGLE_BUTTONS.has(model) ? values({ button: press }) : {};
  const name = names[button];
  if (name === undefined) return {};
  const power: Record<string, Value> =
    model === 'YLYK01YL' && (name === 'on' || name === 'off') ? { power: name === 'on' } : {};
  return values({ ...power, [`button_${name}`]: press });
}

/** Steps of less than zero turn to the left; while pressed they stand where the button number is else. */
function dimmed(button: number, value: number, way: number): Record<string, Value> {
  if (way === 3) {
    if (button === 0) return { dimmer: 'press', dimmer_presses: value };
    return button === 1 ? { dimmer: 'long_press', dimmer_duration: value } : {};
  }
  if (way !== 4) return {};
  const steps = button === 0 ? value : button;
  const side = steps <= 127 ? 'rotate_right' : 'rotate_left';
  return {
    dimmer: button === 0 ? side : `${side}_pressed`,
    dimmer_steps: steps <= 127 ? steps : 256 - steps,
  };
}

/** Products of several buttons: key byte → names. Products that are not here have one button. */
const buttonNames: ReadonlyMap<string, ReadonlyMap<number, readonly string[]>> = new Map([
  [
    'XMWS01XS',
    new Map([
      [0, ['button_left']],
      [1, ['button_right']],
    ]),
  ],
  [
    'XMWXKG01YL',
    new Map([
      [1, ['button_left']],
      [2, ['button_right']],
      [3, ['button_left', 'button_right']],
    ]),
  ],
  ...['KS1', 'KS1BP'].map(
    model =>
      [
        model,
        new Map([
          [1, ['button_left']],
          [2, ['button_mid_left']],
          [3, ['button_mid_right']],
          [4, ['button_right']],
        ]),
      ] as const,
  ),
]);

/** An object for each way of pressing, with the key as its value, or with none where there is one key. */
const press = (way: string): MiObject => ({
  bytes: [0, 1, 2],
  read(view, model) {
    const names = buttonNames.get(model);
    const key = view.byteLength === 0 ? undefined : view.getUint8(0);
    if (model === 'K9BB-1BTN') return singleKey(key);
    const hit = names === undefined ? ['button'] : key === undefined ? [] : (names.get(key) ?? []);
    return values(Object.fromEntries(hit.map(name => [name, way])));
  },
});

/** This one product puts the way of pressing into the value. */
function singleKey(code: number | undefined): Partial<Told> {
  const way = new Map([
    [1, 'press'],
    [8, 'long_press'],
    [15, 'double_press'],
  ]).get(code ?? 0);
  return way === undefined ? {} : values({ button: way });
}

export const eventObjects: readonly (readonly [number, MiObject])[] = [
  [0x1001, { bytes: [3], read: pressed }],
  // The low byte tells the way of pressing, the high byte the generation of the product.
  ...[0x4a00, 0x4e00, 0x5600].flatMap(
    generation =>
      [
        [generation + 0x0c, press('press')],
        [generation + 0x0d, press('double_press')],
        [generation + 0x0e, press('long_press')],
      ] as const,
  ),
  [0x4a13, { bytes: [1], read: view => (view.getUint8(0) === 1 ? values({ button: 'press' }) : {}) }],
];
