// The punctuation of PostgREST's query strings: commas, quotes, parentheses and braces.
import { unreadable } from './rest-problem.ts';

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '{': '}' };

/** Splits at commas outside quotes, parentheses and braces; a quote opens only where a word begins. */
export function split(text: string): string[] {
  const parts: string[] = [];
  const open: string[] = [];
  let from = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (quoted) {
      if (char === '\\') at++;
      else if (char === '"') quoted = false;
    } else if (char === '"' && (at === from || '.({,:'.includes(text[at - 1]!))) quoted = true;
    else if (CLOSING[char] !== undefined) open.push(CLOSING[char]);
    else if (open.length > 0 && char === open.at(-1)) open.pop();
    else if (char === ',' && open.length === 0) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  if (quoted || open.length > 0)
    throw unreadable(`"${text.slice(0, 80)}": a quote, parenthesis or brace is not closed`);
  return [...parts, text.slice(from)];
}

/** A word in double quotes as it is meant; any other as it stands. */
export function unquote(text: string): string {
  const quoted = /^"((?:\\[\s\S]|[^"\\])*)"$/.exec(text);
  return quoted === null ? text : quoted[1]!.replace(/\\([\s\S])/g, '$1');
}

/** The items between `(…)` or `{…}`. */
export function listIn(text: string, brackets: '()' | '{}'): string[] {
  if (!text.startsWith(brackets[0]!) || !text.endsWith(brackets[1]!) || text.length < 2)
    throw unreadable(`"${text.slice(0, 80)}": expected a list in ${brackets}`);
  const inner = text.slice(1, -1);
  return inner.trim() === '' ? [] : split(inner).map(item => unquote(item.trim()));
}
