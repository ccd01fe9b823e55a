// Decode now of advert-decode: adverts that were pasted, with the keys and the decoder folder as they stand in the form.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { advertsOf } from '../../src/decoders/advert-members.ts';
import { type LastFrames, readPasted, type Shown, shownOf } from '../../src/decoders/decode-now.ts';
import { keysOf, sortMembers } from '../../src/decoders/members.ts';
import { type Registry, registryOf, shippedDecoders } from '../../src/decoders/registry.ts';
import { openUserDecoders, type UserDecoders } from '../../src/decoders/user-folder.ts';
import type { Admin, AdminRequest } from '../../src/palette/define.ts';
import { advertFields } from '../../src/radio/advert-data.ts';
import type { Reading } from '../../src/reading/reading.ts';

/** What the nodes that run have at hand, by node. */
export const deployed = new Map<string, { folder: string; decoders: UserDecoders; frames: LastFrames }>();

/** Folders that were only typed, while their files are tried. */
const trials = new Map<string, Promise<UserDecoders>>();
// An answer is due within the deadline of any dialog; a trial that nobody asks for any more is let go.
const PATIENCE_MS = 3000;
const UNASKED_MS = 30_000;

export function folderOf(setting: string, directory: string): string {
  return setting.trim() || path.join(directory, 'decoders');
}

/** `readings` or, where nothing was read, `rejected` with all reasons; `shown` in words; `faults` of decoder files. */
type Answer = { readings?: readonly Reading[]; rejected?: string; shown: readonly Shown[]; faults: readonly string[] };
/** Instead of an answer: why there is none yet, for a dialog that asks again. */
type Wait = { wait: string };

type Asked = { node?: unknown; advert?: unknown; text?: unknown; settings?: { folder?: unknown; keys?: unknown } };

async function decodeNow({ body, secret, directory }: AdminRequest): Promise<Answer | Wait> {
  const { node, advert, text, settings } = (body ?? {}) as Asked;
  const id = String(node);
  const { keys, fault } = keysOf(secret(id, 'keys', settings?.keys));
  if (fault !== undefined) throw new Error(fault);
  const member = text === undefined ? advert : memberOf(String(text));
  return withDecoders(folderOf(String(settings?.folder ?? ''), directory), (registry, faults) => {
    const sorted = sortMembers(member, one => advertsOf(one, { registry, keys, now: Date.now() }));
    const outcome =
      sorted.readings.length > 0
        ? { readings: sorted.readings }
        : { rejected: sorted.refused.map(({ reason }) => reason).join('; ') };
    return { ...outcome, shown: shownOf(sorted), faults };
  });
}

/** JSON of adverts, or the hex of one as it is on the air (AD structures), after its address where that is known. */
function memberOf(text: string): unknown {
  const pasted = readPasted(text);
  if (pasted === undefined) throw new Error('expected hex, or an advert as JSON');
  if ('json' in pasted) return pasted.json;
  const { address, bytes } = pasted;
  const fields = advertFields(bytes);
  if (Object.keys(fields).length === 0)
    throw new Error('expected AD structures (length, type, value …), got other bytes');
  return { ...(address === undefined ? {} : { address }), ...fields };
}

/** With the decoders of a folder, whether a node has it open or it was only typed; a folder that is not there is not made. */
async function withDecoders(
  folder: string,
  use: (registry: Registry, faults: readonly string[]) => Answer,
): Promise<Answer | Wait> {
  const open = [...deployed.values()].find(one => one.folder === folder)?.decoders;
  if (open !== undefined) return use(open.registry(), [...open.faults().values()]);
  if (!existsSync(folder)) return use(registryOf((await shippedDecoders()).map(({ decoder }) => decoder)), []);
  const trial = trials.get(folder) ?? begin(folder);
  const opened = await Promise.race([trial, setTimeout(PATIENCE_MS, undefined, { ref: false })]);
  if (opened === undefined) return { wait: `still trying the decoder files of ${folder}; one of them may not end …` };
  try {
    return use(opened.registry(), [...opened.faults().values()]);
  } finally {
    // Others that wait for the same trial have their turn first.
    setImmediate(() => leave(folder, trial));
  }
}

/** A trial of files takes what the machine needs, so whoever asks again meanwhile waits for the same one. */
function begin(folder: string): Promise<UserDecoders> {
  const trial = openUserDecoders(folder);
  trials.set(folder, trial);
  const unasked = () => setTimeout(UNASKED_MS, undefined, { ref: false });
  void trial.then(unasked, () => {}).then(() => leave(folder, trial));
  return trial;
}

function leave(folder: string, trial: Promise<UserDecoders>): void {
  if (trials.get(folder) !== trial) return;
  trials.delete(folder);
  trial.then(
    opened => opened.close(),
    () => {},
  );
}

export function registerDecodeNow(admin: Admin): void {
  // Body: `{ node, text | advert, settings: { folder, keys } }`, the settings as they stand in the form. `{ wait }`: ask again.
  admin.act('fieldline/decode', decodeNow);
  admin.act('fieldline/advert-decode/last', ({ body }) => ({
    frames: deployed.get(String((body as Asked | undefined)?.node))?.frames.list() ?? [],
  }));
}
