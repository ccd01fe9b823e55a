// Where Govee puts its frame: in manufacturer data of any company, told apart by length, name, company or service.
import type { Advert } from '../../../reading/advert.ts';

/** One layout: a frame of this length is of it when name, company or service says so. */
export type Layout<Decode> = {
  model: string;
  length: number;
  name?: RegExp;
  companies?: readonly string[];
  /** First bytes, without which the company alone does not count. */
  begins?: readonly number[];
  service?: string;
  decode: Decode;
};

const APPLE = '004c';
// Every name of theirs carries the number of the model; a scanner's own id in its place may hold such digits, too.
const MODEL = /(?:GVH?|Govee_H|^[HB])5\d{3}/;
// An iBeacon of this text is sent along; scanners glue it to the frame, 4 bytes of head included.
const GLUED = Buffer.from('INTELLI_ROCKS');

function cleared(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= 25) return bytes;
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(GLUED);
  return at < 4 ? bytes : bytes.subarray(0, at - 4);
}

export function goveeFrame<Decode>(
  advert: Advert,
  layouts: readonly Layout<Decode>[],
): { layout: Layout<Decode>; frame: Uint8Array } | undefined {
  const name = advert.name !== undefined && MODEL.test(advert.name) ? advert.name : undefined;
  for (const [company, bytes] of advert.manufacturerData) {
    if (company === APPLE) continue;
    const frame = cleared(bytes);
    for (const layout of layouts)
      if (layout.length === frame.length && isOf(layout, name, advert, company, frame)) return { layout, frame };
  }
  return undefined;
}

/** A name with the number of a model decides alone: a frame of another length under it is damaged, not another model. */
function isOf(
  layout: Layout<unknown>,
  name: string | undefined,
  advert: Advert,
  company: string,
  frame: Uint8Array,
): boolean {
  if (name !== undefined) return layout.name?.test(name) === true;
  const { companies, service, begins = [] } = layout;
  const isCompany = companies?.includes(company) === true && begins.every((byte, at) => frame[at] === byte);
  return isCompany || (service !== undefined && advert.serviceUuids.includes(service));
}

/** The model of the advertised name, which the layout alone often leaves open. */
export function modelOf(name: string | undefined, layout: string): string {
  return `Govee H${/^(?:GVH|GV|Govee_H|B)(5\d{3})/.exec(name ?? '')?.[1] ?? layout}`;
}
