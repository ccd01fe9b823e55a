// Decode now of laser-decode: a frame that was pasted, with the meter as it is chosen in the form.
import { type LastFrames, readPasted, type Shown, shownOf } from '../../src/decoders/decode-now.ts';
import { laserKinds } from '../../src/decoders/laser/define.ts';
import { laserOf } from '../../src/decoders/laser/members.ts';
import { sortMembers } from '../../src/decoders/members.ts';
import type { Admin, AdminRequest } from '../../src/palette/define.ts';

/** What came last to the nodes that run, by node. */
export const lately = new Map<string, LastFrames>();

type Asked = { node?: unknown; text?: unknown; settings?: { kind?: unknown } };

function decodeNow({ body }: AdminRequest): { shown: readonly Shown[] } {
  const { text, settings } = (body ?? {}) as Asked;
  const pasted = readPasted(String(text ?? ''));
  if (pasted === undefined) throw new Error('expected a frame as hex, or JSON with hex in it');
  const kind = laserKinds.find(one => one === settings?.kind);
  const device = 'address' in pasted ? pasted.address : undefined;
  const context = {
    now: Date.now(),
    ...(kind === undefined ? {} : { kind }),
    ...(device === undefined ? {} : { deviceId: device }),
  };
  const member = 'json' in pasted ? pasted.json : pasted.bytes;
  return { shown: shownOf(sortMembers(member, one => [laserOf(one, context)])) };
}

export function registerDecodeNow(admin: Admin): void {
  // Body: `{ node, text, settings: { kind } }`, the settings as they stand in the form.
  admin.act('fieldline/laser-decode/decode', decodeNow);
  admin.act('fieldline/laser-decode/last', ({ body }) => ({
    frames: lately.get(String((body as Asked | undefined)?.node))?.list() ?? [],
  }));
}
