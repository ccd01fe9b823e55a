// Paths of routes: `/api/devices/{id}` against the path of a request.
import type { Route } from './route.ts';

const compiled = new WeakMap<Route, { pattern: RegExp; names: readonly string[] }>();

/** `path` as it was sent: not decoded. */
export function pathMatches(route: Route, path: string): boolean {
  return patternOf(route).pattern.test(path);
}

/** The decoded parts of the path; undefined where one is not decodable. */
export function match(route: Route, path: string): Readonly<Record<string, string>> | undefined {
  const { pattern, names } = patternOf(route);
  const found = pattern.exec(path);
  if (found === null) return undefined;
  try {
    return Object.fromEntries(names.map((name, at) => [name, decodeURIComponent(found[at + 1]!)]));
  } catch {
    return undefined;
  }
}

function patternOf(route: Route): { pattern: RegExp; names: readonly string[] } {
  let found = compiled.get(route);
  if (found === undefined) {
    const names: string[] = [];
    const source = route.path.replace(/[.]/g, '\\$&').replace(/\{(\w+)\}/g, (_all, name: string) => {
      names.push(name);
      return '([^/]+)';
    });
    found = { pattern: new RegExp(`^${source}/?$`), names };
    compiled.set(route, found);
  }
  return found;
}
