// The punctuation of filters: commas, quotes and parentheses, before anything is understood.

/** Splits at commas outside parentheses and double quotes; a quote opens only after `.`, `(` or `,`. Undefined when one stays open. */
export function split(text: string): string[] | undefined {
  const parts: string[] = [];
  let from = 0;
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (quoted) {
      if (char === '\\') at++;
      else if (char === '"') quoted = false;
    } else if (char === '"' && '.(,'.includes(text[at - 1] ?? '')) quoted = true;
    else if (char === '(') depth++;
    // A value may hold a parenthesis that nobody opened.
    else if (char === ')') depth = Math.max(0, depth - 1);
    else if (char === ',' && depth === 0) {
      parts.push(text.slice(from, at).trim());
      from = at + 1;
    }
  }
  return quoted ? undefined : [...parts, text.slice(from).trim()];
}

/** The items between the parentheses of `in`, without their quotes; null for an unquoted NULL. Undefined when a quote stays open. */
export function inList(text: string): (string | null)[] | undefined {
  if (text.trim() === '') return [];
  const items: (string | null)[] = [];
  const rest = /\s*(?:"((?:\\[\s\S]|[^"\\])*)"\s*|([^",][^,]*|))(,|$)/y;
  for (;;) {
    const found = rest.exec(text);
    if (found === null) return undefined;
    const [, quoted, bare = '', end] = found;
    if (quoted !== undefined) items.push(quoted.replace(/\\([\s\S])/g, '$1'));
    else items.push(bare.trim().toLowerCase() === 'null' ? null : bare.trim());
    if (end === '') return items;
  }
}

/** A value in double quotes as it is meant; any other as it stands. */
export function unquote(text: string): string {
  const quoted = /^"((?:\\[\s\S]|[^"\\])*)"$/.exec(text);
  return quoted === null ? text : quoted[1]!.replace(/\\([\s\S])/g, '$1');
}
