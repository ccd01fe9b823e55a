// A figure: what is measured with which options, and the table that comes out of it.
import { parseArgs } from 'node:util';
import { load, machine } from './machine.ts';

export type Options = {
  /** Repetitions; medians are of these. */
  runs: number;
  /** Length of the load of one run. */
  seconds: number;
  /** Messages per second, one after the other. */
  rates: readonly number[];
  broker: 'embedded' | 'mosquitto' | 'both';
  database: 'own' | 'embedded';
  /** Stands beside the stock Node-RED flow, where there is one to compare with. */
  stock: boolean;
  /** Names the random moments of a run. */
  seed: number;
  /** A taste of the whole. */
  short: boolean;
  /** The whole, however long it takes. */
  full: boolean;
  /** Parts of the figure to measure; all where it is empty. */
  only: readonly string[];
};

export type Figure = {
  /** One line for the list of figures. */
  readonly says: string;
  readonly defaults: Partial<Options>;
  /** What a run is, of a figure without gateway and database. */
  readonly runs?: string;
  run(options: Options, report: Report): Promise<void>;
};

export type Cell = string | number;

export type Report = {
  /** Starts a table; later rows belong to it. */
  table(title: string, columns: readonly string[]): void;
  row(...cells: readonly Cell[]): void;
  note(text: string): void;
  /** What is written beside the table, as JSON. */
  data(value: unknown): void;
};

const general: Options = {
  ...{ runs: 5, seconds: 10, rates: [1000, 5000], broker: 'both', database: 'own', stock: true },
  ...{ seed: 1, short: false, full: false, only: [] },
};
/** A bench is bounded, whatever it is asked for. */
const LIMITS = { runs: 50, seconds: 3600, rate: 100_000, seed: 2 ** 31 };

function numberOf(name: string, text: string, max: number): number {
  const value = Number(text);
  if (!(value > 0 && value <= max))
    throw new Error(`--${name}: expected a number above 0 and at most ${max}, got ${text}`);
  return value;
}

function oneOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find(one => one === text);
  if (found === undefined) throw new Error(`--${name}: expected ${allowed.join(' or ')}, got ${text}`);
  return found;
}

/** Throws an Error that names the option. */
export function readOptions(args: readonly string[], defaults: Partial<Options>): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: 'string' },
      seconds: { type: 'string' },
      rate: { type: 'string' },
      broker: { type: 'string' },
      database: { type: 'string' },
      'no-stock': { type: 'boolean' },
      seed: { type: 'string' },
      short: { type: 'boolean' },
      full: { type: 'boolean' },
      only: { type: 'string' },
    },
  });
  const base = { ...general, ...defaults };
  return {
    runs: values.runs === undefined ? base.runs : Math.ceil(numberOf('runs', values.runs, LIMITS.runs)),
    seconds: values.seconds === undefined ? base.seconds : numberOf('seconds', values.seconds, LIMITS.seconds),
    rates:
      values.rate === undefined ? base.rates : values.rate.split(',').map(rate => numberOf('rate', rate, LIMITS.rate)),
    broker:
      values.broker === undefined ? base.broker : oneOf('broker', values.broker, ['embedded', 'mosquitto', 'both']),
    database: values.database === undefined ? base.database : oneOf('database', values.database, ['own', 'embedded']),
    stock: values['no-stock'] === true ? false : base.stock,
    seed: values.seed === undefined ? base.seed : Math.floor(numberOf('seed', values.seed, LIMITS.seed)),
    short: values.short ?? base.short,
    full: values.full ?? base.full,
    only: values.only?.split(',') ?? base.only,
  };
}

/** Milliseconds, with digits where they mean something. */
export function ms(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '–';
  return value < 10 ? value.toFixed(1) : String(Math.round(value));
}

/** Prints rows as they come; `text` gives the whole as Markdown, `json` what stands beside it, where there is some. */
export function openReport(
  name: string,
  options: Options,
  print: (line: string) => void,
  runs?: string,
): Report & { text(): string; json(): string | undefined } {
  const before = load();
  const lines: string[] = [];
  let data: unknown;
  const put = (line: string) => {
    lines.push(line);
    print(line);
  };
  put(`# ${name}`);
  put('');
  put(`${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC, ${machine()}.`);
  put(
    runs ??
      `${options.runs} runs of ${options.seconds} s; PostgreSQL ${options.database === 'own' ? 'beside the gateway' : 'embedded in it'}, ` +
        'fsync and synchronous_commit on, everything on this machine over loopback. `load` is the load average of the last minute.',
  );
  return {
    table(title, columns) {
      put('');
      put(`## ${title}`);
      put('');
      put(`| ${columns.join(' | ')} |`);
      put(`|${' --- |'.repeat(columns.length)}`);
    },
    row: (...cells) => put(`| ${cells.join(' | ')} |`),
    note(text) {
      put('');
      put(text);
    },
    data(value) {
      data = value;
    },
    json: () => (data === undefined ? undefined : `${JSON.stringify(data, null, 2)}\n`),
    text: () => [...lines, '', `Load average ${before.toFixed(1)} before, ${load().toFixed(1)} after.`, ''].join('\n'),
  };
}
