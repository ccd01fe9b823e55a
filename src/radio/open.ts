// Opens the radio that a setting names: `replay:builtin`, `replay:<file or folder>`, or an adapter.
import { expected, Fault } from '../kernel/fault.ts';
import type { Radio } from '../reading/radio.ts';
import { builtinCaptures, loadCaptures } from './captures.ts';
import { replayRadio } from './replay.ts';

export type AdapterOptions = { /** For replays. */ speed?: number; prefix?: string };

/** Rejects with FIELDLINE_RADIO and what to do. */
export async function openRadio(adapter: string, options: AdapterOptions = {}): Promise<Radio> {
  const name = adapter.trim();
  if (/^(hci\d+|tcp:\/\/)/.test(name))
    throw new Fault(
      'FIELDLINE_RADIO',
      `adapter ${name}: Bluetooth adapters are not supported yet; choose replay:builtin`,
    );
  const place = name === 'replay:builtin' ? builtinCaptures : name.replace(/^replay:/, '');
  if (place === '')
    throw new Fault('FIELDLINE_RADIO', expected('adapter', 'replay:builtin, or replay: and a path', adapter));
  return replayRadio({ captures: await loadCaptures(place), ...options });
}
