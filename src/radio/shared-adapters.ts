// One Bluetooth process for each adapter, however many nodes use it.
import { type Adapter, type AdapterRadio, adapterOf, radioOn } from './adapter.ts';
import type { RadioTimes } from './child-messages.ts';
import { type Controller, nameOf } from './controller-name.ts';

const shared = new Map<string, { adapter: Adapter; users: number }>();

/** The radio of one user; its `close` ends the process when it was the last. */
export function sharedRadio(controller: Controller, active: boolean, times?: RadioTimes): AdapterRadio {
  const name = nameOf(controller);
  const entry = shared.get(name) ?? { adapter: adapterOf(controller, times), users: 0 };
  shared.set(name, entry);
  entry.users++;
  let released = false;
  return radioOn(entry.adapter, active, async () => {
    if (released) return;
    released = true;
    if (--entry.users > 0) return;
    shared.delete(name);
    await entry.adapter.close();
  });
}
