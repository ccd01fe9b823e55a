// Log lines of every process as JSON, one a line: without secrets, and a flood of one text becomes a count.
import { boundedMap } from '../src/kernel/bounded.ts';
import { type Clock, systemClock } from '../src/kernel/clock.ts';

export type Level = 'debug' | 'info' | 'warn' | 'error';
export type Fields = Readonly<Record<string, unknown>>;
/** Logs for one part. `text` stays the same for the same event; what varies goes into `fields`. */
export type Log = (level: Level, text: string, fields?: Fields) => void;

export type Logs = {
  part(name: string): Log;
  /** From now on this value is replaced wherever it appears. */
  hide(secret: string | undefined): void;
  /** Writes the counts of floods that have ended; to be called every ten seconds. */
  sweep(): void;
  /** Writes every count that is still held back. */
  flush(): void;
};

/** Lines of one (part, text) let through in a window; the rest are counted. */
const BURST = 20;
const WINDOW_MS = 10_000;
const KEYS = 1000;
const LINE_LIMIT = 8000;
const SECRET_NAME = /passw(or)?d|secret|token|api[-_]?key|authorization|cookie|credential/i;

type Window = { part: string; text: string; started: number; lines: number };

/** User info of a URL: what stands between `//` and `@`. The user stays, the password goes. */
export function withoutPassword(text: string): string {
  return text.replace(/(:\/\/[^\s:/@]*):[^\s@/]+@/g, '$1:***@');
}

export function openLogs(write: (line: string) => void, clock: Clock = systemClock): Logs {
  const secrets = new Set<string>();
  const windows = boundedMap<string, Window>(KEYS, (_key, window) => report(window));

  const clean = (text: string): string => {
    let out = withoutPassword(text);
    for (const secret of secrets) out = out.replaceAll(secret, '***');
    return out;
  };
  const line = (level: Level, part: string, text: string, fields: Fields = {}): void => {
    const head = { time: new Date(clock.now()).toISOString(), level, part };
    const whole = JSON.stringify({ ...head, text, ...fields }, (name, value) =>
      name !== '' && SECRET_NAME.test(name) ? '***' : typeof value === 'bigint' ? `${value}` : value,
    );
    // The line limit cuts texts, never the JSON around them.
    const fits = whole.length <= LINE_LIMIT;
    write(clean(fits ? whole : JSON.stringify({ ...head, text: text.slice(0, 2000), cut: true })));
  };
  const report = (window: Window): void => {
    if (window.lines > BURST)
      line('warn', window.part, `suppressed ${window.lines - BURST}`, { of: window.text.slice(0, 200) });
  };

  return {
    part: part => (level, text, fields) => {
      // Numbers vary from line to line of one event (ports, ids, counts).
      const key = `${part}\n${text.slice(0, 200).replace(/\d+/g, '#')}`;
      const now = clock.steady();
      let window = windows.get(key);
      if (window === undefined || now - window.started >= WINDOW_MS) {
        if (window !== undefined) report(window);
        window = { part, text, started: now, lines: 0 };
        windows.set(key, window);
      }
      if (++window.lines <= BURST) line(level, part, text, fields);
    },
    hide(secret) {
      // A secret of a few letters would turn innocent words into stars.
      if (secret === undefined || secret.length < 4) return;
      // As it stands in a URL, and in a line of JSON.
      for (const text of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]) secrets.add(text);
    },
    sweep() {
      for (const [key, window] of [...windows.entries()]) {
        if (clock.steady() - window.started < WINDOW_MS) continue;
        report(window);
        windows.delete(key);
      }
    },
    flush() {
      for (const [, window] of windows.entries()) report(window);
      windows.clear();
    },
  };
}
