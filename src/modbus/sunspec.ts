// SunSpec (SunSpec Information Model Specification): the chain of models of a device, and the values by which it says that it has none.
import type { Field, FieldType } from './field.ts';

/** 0-based addresses at which the marker may stand. */
export const sunspecBases = [40_000, 50_000, 0] as const;
/** "SunS" */
const MARKER = 0x53756e53;
const END = 0xffff;
/** More models than that are a device that leads in circles. */
const MOST_MODELS = 200;

/** `address` is that of the model's id; its points are counted from there. `length` leaves id and length out. */
export type Model = { id: number; address: number; length: number };

/** What the walk asks for next, in the table of holding registers. */
type Ask = { address: number; count: 2 };

/**
 * Walks the chain: gives each read that it needs, takes its bytes, or undefined where the device has no such register,
 * and returns the models, or undefined without a marker.
 */
export function* sunspecChain(): Generator<Ask, readonly Model[] | undefined, Uint8Array | undefined> {
  for (const base of sunspecBases) {
    const marker = yield { address: base, count: 2 };
    if (marker === undefined || Buffer.from(marker).readUInt32BE(0) !== MARKER) continue;
    const models: Model[] = [];
    let address = base + 2;
    while (models.length < MOST_MODELS && address + 2 <= 0x10000) {
      const header = yield { address, count: 2 };
      if (header === undefined) break;
      const id = Buffer.from(header).readUInt16BE(0);
      const length = Buffer.from(header).readUInt16BE(2);
      if (id === END || id === 0) break;
      models.push({ id, address, length });
      address += 2 + length;
    }
    return models;
  }
  return undefined;
}

/** Fields with the addresses of this device, and why the others are absent. */
export function placed(
  fields: readonly Field[],
  models: readonly Model[],
): { fields: Field[]; absent: Record<string, string> } {
  const absent: Record<string, string> = {};
  const found = fields.flatMap(field => {
    const model = models.filter(({ id }) => field.models.includes(id))[field.occurrence - 1];
    // Offsets are counted from the id, the length from behind id and length.
    const last = field.address + field.span - 1;
    if (model === undefined || last > model.length + 1) {
      absent[field.metric] =
        model === undefined
          ? `the device has no model ${field.models.join(' or ')}`
          : `model ${model.id} of the device ends before it`;
      return [];
    }
    // What stands behind the model is another's, and would be taken for a power of ten.
    if (field.factor !== undefined && field.factor.address > model.length + 1) {
      absent[field.metric] = `model ${model.id} of the device ends before its scale factor`;
      return [];
    }
    const factor = field.factor && { ...field.factor, address: model.address + field.factor.address };
    return [{ ...field, address: model.address + field.address, factor }];
  });
  return { fields: found, absent };
}

/** Words by which a point says that it is not implemented, by type; a float says so with NaN. */
export function sunspecAbsent(type: FieldType, span: number): string[] {
  if (type === 'int16' || type === 'int32' || type === 'int64') return ['8000'.padEnd(span * 4, '0')];
  const unsigned = ['uint16', 'uint32', 'uint64', 'enum', 'bit', 'bits', 'flags', 'datetime'].includes(type);
  return unsigned ? ['F'.repeat(span * 4)] : [];
}
