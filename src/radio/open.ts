// Opens the radio that a setting names: `replay:builtin`, `replay:<file or folder>`, `demo`, or an adapter.
import { expected, Fault } from '../kernel/fault.ts';
import type { Radio } from '../reading/radio.ts';
import { controllerOf } from './controller-name.ts';
import { sharedRadio } from './shared-adapters.ts';

export type AdapterOptions = {
  /** For adapters: ask devices for scan responses; otherwise only listen. */
  active?: boolean;
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
  { demo = false, active = false, ...options }: AdapterOptions = {},
): Promise<Radio | undefined> {
  const name = adapter.trim();
  if (name === 'demo' && !demo) return undefined;
  const controller = controllerOf(name);
  if (controller !== undefined) return sharedRadio(controller, active);
  if (name !== 'demo' && !name.startsWith('replay:'))
    throw new Fault(
      'FIELDLINE_RADIO',
      expected('adapter', 'hci0, tcp://host:port, replay:builtin or replay: and a path', adapter),
    );
  // A scanner with an adapter needs neither the captures nor what checks them.
  const { builtinCaptures, loadCaptures } = await import('./captures.ts');
  const { replayRadio } = await import('./replay.ts');
  const place = name === 'demo' || name === 'replay:builtin' ? builtinCaptures : name.replace(/^replay:/, '');
  if (place === '')
    throw new Fault('FIELDLINE_RADIO', expected('adapter', 'replay:builtin, or replay: and a path', adapter));
  return replayRadio({ captures: await loadCaptures(place), ...options });
}
