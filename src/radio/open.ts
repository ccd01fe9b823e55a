// Opens the radio that a setting names: `replay:builtin`, `replay:<file or folder>`, `demo`, or an adapter.
import { expected, Fault } from '../kernel/fault.ts';
import type { Radio } from '../reading/radio.ts';
import { builtinCaptures, loadCaptures } from './captures.ts';
import { replayRadio } from './replay.ts';

export type AdapterOptions = {
  /** For replays. */
  speed?: number;
  prefix?: string;
  /** The demo instruments are on: `demo` plays the captures that come along. */
  demo?: boolean;
};

export const DEMO_OFF = 'the demo instruments are off; choose an adapter';

/** Undefined for `demo` where the demo instruments are off. Rejects with FIELDLINE_RADIO and what to do. */
export async function openRadio(
  adapter: string,
  { demo = false, ...options }: AdapterOptions = {},
): Promise<Radio | undefined> {
  const name = adapter.trim();
  if (name === 'demo' && !demo) return undefined;
  if (/^(hci\d+|tcp:\/\/)/.test(name))
    throw new Fault(
      'FIELDLINE_RADIO',
      `adapter ${name}: Bluetooth adapters are not supported yet; choose replay:builtin`,
    );
  const builtin = name === 'demo' || name === 'replay:builtin';
  const place = builtin ? builtinCaptures : name.replace(/^replay:/, '');
  if (place === '')
    throw new Fault('FIELDLINE_RADIO', expected('adapter', 'replay:builtin, or replay: and a path', adapter));
  return replayRadio({ captures: await loadCaptures(place), ...options });
}
