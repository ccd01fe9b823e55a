// Settings of one node as the operator saved them: checked again at start, since `${ENV}` skips the editor's checks.
import { type Field, type Fields, fault, type Settings } from './fields.ts';

/** `warnings`: values that are taken for others. */
export type Checked<F extends Fields> = {
  settings: Settings<F>;
  faults: readonly string[];
  warnings: readonly string[];
};

function isAbove(field: Field, value: unknown): boolean {
  return field.kind === 'number' && field.clamped === true && field.max !== undefined && Number(value) > field.max;
}

function convert(field: Field, name: string, config: Record<string, unknown>): unknown {
  const saved = config[name];
  const value = saved === undefined ? field.initial : saved;
  switch (field.kind) {
    case 'number':
      if (value === '' || value === null) return undefined;
      return isAbove(field, value) ? field.max : Number(value);
    case 'typed':
      return { value: String(value), type: String(config[`${name}Type`] ?? field.initialType) };
    case 'list':
      return (Array.isArray(value) ? value : []).map((row: Record<string, unknown>) =>
        Object.fromEntries(
          Object.entries(field.columns).map(([column, inner]) => [column, convert(inner, column, row ?? {})]),
        ),
      );
    default:
      return value === null ? '' : String(value);
  }
}

/** Values by field, converted to their types, and every fault in words. */
export function checkSettings<F extends Fields>(fields: F, config: Record<string, unknown>): Checked<F> {
  const faults: string[] = [];
  const warnings: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const saved = config[name];
    // A config node that was never chosen is the node's own matter: it may have a default of the gateway.
    const why =
      field.kind === 'secret' || field.kind === 'config'
        ? undefined
        : fault(field, saved === undefined ? field.initial : saved);
    if (why !== undefined && isAbove(field, saved)) warnings.push(`${why}; the highest is taken`);
    else if (why !== undefined) faults.push(why);
    if (field.kind !== 'secret' && field.kind !== 'config') values[name] = convert(field, name, config);
  }
  return { settings: values as Settings<F>, faults, warnings };
}
