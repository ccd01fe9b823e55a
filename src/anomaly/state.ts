// State: everything a series knows lies in plain objects of numbers, booleans and typed arrays whose shape never changes;
// so that saving is a walk over them and restoring the same walk again.

/** Functions and texts in it are not state; typed arrays keep their length. */
export type State = { readonly [part: string]: unknown } | readonly unknown[];

type Visit = { number(holder: Record<string, unknown>, key: string): void; array(array: Uint8Array): void };

function walk(state: State, visit: Visit): void {
  const holder = state as Record<string, unknown>;
  for (const key of Object.keys(holder)) {
    const part = holder[key];
    if (typeof part === 'number' || typeof part === 'boolean') visit.number(holder, key);
    else if (ArrayBuffer.isView(part)) visit.array(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    else if (typeof part === 'object' && part !== null) walk(part as State, visit);
  }
}

/** Bytes that `pack` makes of a state of this shape. */
export function packedSize(state: State): number {
  let size = 0;
  walk(state, { number: () => (size += 8), array: array => (size += array.length) });
  return size;
}

export function pack(state: State): Uint8Array {
  const bytes = new Uint8Array(packedSize(state));
  const view = new DataView(bytes.buffer);
  let at = 0;
  walk(state, {
    number(holder, key) {
      view.setFloat64(at, Number(holder[key]), true);
      at += 8;
    },
    array(array) {
      bytes.set(array, at);
      at += array.length;
    },
  });
  return bytes;
}

/** Fills `state` with what `pack` made of one of the same shape; false, and nothing changed, when the size does not fit. */
export function unpack(state: State, bytes: Uint8Array): boolean {
  if (bytes.length !== packedSize(state)) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let at = 0;
  walk(state, {
    number(holder, key) {
      const value = view.getFloat64(at, true);
      holder[key] = typeof holder[key] === 'boolean' ? value !== 0 : value;
      at += 8;
    },
    array(array) {
      array.set(bytes.subarray(at, at + array.length));
      at += array.length;
    },
  });
  return true;
}
