// Settings, written once: value type, check (the same code in runtime and editor) and form row. Imports nothing, so the build ships it to the browser.

type Base<K extends string, V> = { kind: K; label: string; help: string; initial: V; optional?: boolean };
export type Field =
  /** `clamped`: a saved value above `max`, which an earlier version took, counts as `max`; the editor asks for a new one. */
  | (Base<'number', number> & { unit?: string; min?: number; max?: number; integer?: boolean; clamped?: boolean })
  | (Base<'choice', string> & { options: readonly (readonly [value: string, label: string])[] })
  | (Base<'text', string> & { pattern?: string; says?: string; multiline?: boolean; suggestions?: readonly string[] })
  | (Base<'typed', string> & { types: readonly string[]; initialType: string })
  | (Base<'config', ''> & { of: string })
  | Base<'secret', ''>
  | (Base<'list', readonly Record<string, unknown>[]> & { columns: Readonly<Record<string, Field>> });
export type Fields = Readonly<Record<string, Field>>;

type ValueOf<F> = F extends { kind: 'number' }
  ? number
  : F extends { kind: 'choice'; options: readonly (readonly [infer V, string])[] }
    ? V
    : F extends { kind: 'list'; columns: infer C }
      ? { [K in keyof C]: ValueOf<C[K]> }[]
      : F extends { kind: 'typed' }
        ? { value: string; type: string }
        : string;

/** Values as `start` gets them: checked, converted, without secrets and config nodes (the host hands those over). */
export type Settings<F extends Fields> = {
  [K in keyof F as F[K] extends { kind: 'secret' | 'config' } ? never : K]: ValueOf<F[K]>;
};

/** What a setting means that is left empty, as its help says it; the form shows it in the empty place. */
export function emptyMeans(field: Field): string {
  return /\b(?:[Ee]mpty(?: means|:)|None:) ([^.]+)\./.exec(field.help)?.[1] ?? '';
}

/** Reason in words, or undefined when the value is right. */
export function fault(field: Field, value: unknown): string | undefined {
  const got = JSON.stringify(value) ?? 'nothing';
  if (value === '' || value === undefined || value === null)
    return field.optional || field.kind === 'secret' ? undefined : `${field.label}: expected a value, got nothing`;
  switch (field.kind) {
    case 'number': {
      const n = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
      const { min = -Infinity, max = Infinity } = field;
      if (Number.isFinite(n) && n >= min && n <= max && !(field.integer && !Number.isInteger(n))) return undefined;
      const range =
        min === -Infinity && max === Infinity
          ? ''
          : max === Infinity
            ? ` from ${min}`
            : min === -Infinity
              ? ` up to ${max}`
              : ` from ${min} to ${max}`;
      return `${field.label}: expected a ${field.integer ? 'whole ' : ''}number${range}${field.unit ? ` ${field.unit}` : ''}, got ${got}`;
    }
    case 'choice':
      return field.options.some(([option]) => option === value)
        ? undefined
        : `${field.label}: expected one of ${field.options.map(([option]) => option).join(', ')}, got ${got}`;
    case 'text':
      if (typeof value !== 'string') return `${field.label}: expected text, got ${got}`;
      return field.pattern && !new RegExp(field.pattern).test(value)
        ? `${field.label}: expected ${field.says ?? field.pattern}, got ${got}`
        : undefined;
    case 'list': {
      if (!Array.isArray(value)) return `${field.label}: expected rows, got ${got}`;
      for (const [at, row] of value.entries())
        for (const [name, column] of Object.entries(field.columns)) {
          const why = fault(column, row?.[name]);
          if (why) return `${field.label}, row ${at + 1}: ${why}`;
        }
      return undefined;
    }
    default:
      return undefined;
  }
}
