// TOML as far as configurations of Telegraf use it: tables and lists of tables, strings, numbers, booleans, arrays and inline tables.

export type TomlTable = { [key: string]: unknown };

/** Throws an Error that names the line. Dates are texts. */
export function parseToml(text: string): TomlTable {
  const root: TomlTable = Object.create(null);
  let here = root;
  let at = 0;

  const lineOf = (place: number) => text.slice(0, place).split('\n').length;
  const fail = (what: string): never => {
    const got = text.slice(at, at + 20).split('\n')[0];
    throw new Error(`line ${lineOf(at)}: expected ${what}, got ${JSON.stringify(got)}`);
  };
  const skip = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found !== null) at += found[0].length;
    return found?.[0];
  };
  const blanks = () => skip(/[ \t]*/y);
  const space = () => skip(/(?:[ \t\r\n]+|#[^\n]*)*/y);

  function key(): string[] {
    const parts: string[] = [];
    do {
      blanks();
      const part = text[at] === '"' || text[at] === "'" ? string() : skip(/[A-Za-z0-9_-]+/y);
      parts.push(part ?? fail('a key'));
      blanks();
    } while (skip(/\./y) !== undefined);
    return parts;
  }

  function string(): string {
    const multi = skip(/"""\r?\n?|'''\r?\n?/y);
    if (multi !== undefined) {
      const end = multi.slice(0, 3);
      const stop = text.indexOf(end, at);
      if (stop === -1) return fail(end);
      const raw = text.slice(at, stop);
      at = stop + 3;
      return raw;
    }
    const literal = skip(/'[^'\n]*'/y);
    if (literal !== undefined) return literal.slice(1, -1);
    const basic = skip(/"(?:[^"\\\n]|\\.)*"/y) ?? fail('a string');
    try {
      return JSON.parse(basic.replace(/\\U0*([0-9A-Fa-f]{4})/g, '\\u$1')) as string;
    } catch {
      return basic.slice(1, -1);
    }
  }

  function value(depth: number): unknown {
    if (depth > 20) fail('fewer levels');
    const first = text[at];
    if (first === '"' || first === "'") return string();
    if (first === '[') return array(depth);
    if (first === '{') return inlineTable(depth);
    const word = skip(/[^\s,\]}#]+/y) ?? fail('a value');
    if (word === 'true' || word === 'false') return word === 'true';
    const number = Number(word.replace(/_/g, '').replace(/^\+/, ''));
    return Number.isNaN(number) ? word : number;
  }

  function array(depth: number): unknown[] {
    at++;
    const items: unknown[] = [];
    for (;;) {
      space();
      if (skip(/\]/y) !== undefined) return items;
      items.push(value(depth + 1));
      space();
      if (skip(/,/y) === undefined && text[at] !== ']') fail('a comma or ]');
    }
  }

  /** Telegraf allows line ends in them. */
  function inlineTable(depth: number): TomlTable {
    at++;
    const table: TomlTable = Object.create(null);
    for (;;) {
      space();
      if (skip(/\}/y) !== undefined) return table;
      assign(table, depth + 1);
      space();
      if (skip(/,/y) === undefined && text[at] !== '}') fail('a comma or }');
    }
  }

  function assign(table: TomlTable, depth: number): void {
    const path = key();
    if (skip(/=/y) === undefined) fail('=');
    blanks();
    const last = path.pop() ?? '';
    path.reduce(step, table)[last] = value(depth);
  }

  /** The table below this one; of a list of tables the last one. */
  function step(table: TomlTable, name: string): TomlTable {
    table[name] ??= Object.create(null);
    const below: unknown = table[name];
    const next: unknown = Array.isArray(below) ? below.at(-1) : below;
    return typeof next === 'object' && next !== null ? (next as TomlTable) : fail('a table');
  }

  for (space(); at < text.length; space()) {
    if (skip(/\[\[/y) !== undefined) {
      const path = key();
      if (skip(/\]\]/y) === undefined) fail(']]');
      const last = path.pop() ?? '';
      const table = path.reduce(step, root);
      const below: unknown = table[last];
      const list: unknown[] = Array.isArray(below) ? below : [];
      here = Object.create(null) as TomlTable;
      list.push(here);
      table[last] = list;
    } else if (skip(/\[/y) !== undefined) {
      here = key().reduce(step, root);
      if (skip(/\]/y) === undefined) fail(']');
    } else assign(here, 0);
    blanks();
    if (at < text.length && !/[\r\n#]/.test(text[at] ?? '')) fail('the end of the line');
  }
  return root;
}
