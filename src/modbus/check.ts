// Checks of JSON values, each complaint with its place: what the register maps are read with.

export type Json = Readonly<Record<string, unknown>>;
/** Notes a fault and goes on, so that one look shows all of them. */
export type Complain = (where: string, what: string, got: unknown) => undefined;

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function knownKeys(json: Json, keys: readonly string[], where: string, complain: Complain): void {
  for (const key of Object.keys(json)) if (!keys.includes(key)) complain(where, `one of ${keys.join(', ')}`, key);
}

export function oneOf<T>(value: unknown, options: readonly T[], where: string, complain: Complain): T | undefined {
  return options.find(option => option === value) ?? complain(where, `one of ${options.join(', ')}`, value);
}

export function number(value: unknown, [low, high] = [-Infinity, Infinity], whole = false): number | undefined {
  const fits = typeof value === 'number' && Number.isFinite(value) && value >= low && value <= high;
  return fits && (!whole || Number.isInteger(value)) ? value : undefined;
}

export function textOf(json: Json, key: string, complain: Complain): string {
  const value = json[key] ?? '';
  if (typeof value !== 'string' && typeof value !== 'number') complain(key, 'a text', value);
  return String(value);
}
