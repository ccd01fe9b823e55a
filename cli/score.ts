// fieldline score: adds an anomaly score to each row of a CSV of times and values as it streams through.
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { rhythmOf } from '../src/anomaly/device.ts';
import type { Scored, ScoreOptions } from '../src/anomaly/score.ts';
import { type Series, series } from '../src/anomaly/series.ts';
import { UNKNOWN } from '../src/anomaly/why.ts';
import { boundedMap } from '../src/kernel/bounded.ts';
import { type Fault, reasonOf } from '../src/kernel/fault.ts';
import type { Io } from './io.ts';
import { openNotes } from './score-notes.ts';
import { textOf, withLineFeeds } from './score-text.ts';
import {
  cellOf,
  cellsOf,
  hasComma,
  keyOf,
  rowsOf,
  type Table,
  tableOf,
  timeIn,
  valueOfCell,
  type Wanted,
} from './score-table.ts';
import { subcommand, wrongUse } from './subcommand.ts';

const USAGE = `Usage: fieldline score [options] [in.csv] > out.csv

Reads CSV with the columns timestamp and value, from the file or from standard input, and writes the same rows with
anomaly_score as the last column: 1 is normal, below 0 an anomaly. Between cells may stand , ; tab or |; where it is no
comma, numbers may have a decimal comma. Times: ISO 8601 (without zone UTC), 31.12.2026 23:59, 2026/12/31 9:05,
12/31/2026 9:05 PM, or s, ms, µs, ns since 1970. Rows are judged as they come: the oldest has to be the first. What could
not be read, and in which line, is told on standard error. The anomalies alone, with reasons:

  fieldline score --why in.csv | awk -F, '$NF+0 < 0'

  --explain            adds kind, expected and band before the score: of a counter those of its rise per second, of a
                       drift those of the mean of the last 24 values, as --why says; where a side has no end, the band has
                       no number there
  --alarms             adds severity (of the value) and alarm (the worst severity of an episode, until the series was
                       normal for a while)
  --why                adds the reason in a sentence, of what is an anomaly or part of one
  --time NAME[,NAME]   the column of the times, where it is not called timestamp, time, datetime, date, ts or created_at; or
                       those of the date and the time of day, where they are not called date and time
  --value NAME[,NAME]  the column of the values, where it is neither called value nor the only other one; of several columns
                       the lowest score stands in the row, and --explain, --alarms and --why add metric: whose it is
  --by NAME[,NAME]     the columns that tell which series a row is of, where they are not called device_id and metric (of
                       value_mm: element_id, else element_type); a file without such holds one series
  --false-alarms N     so many are allowed in 10,000 values (0.01 to 100, initially 1)
  --direction WHICH    up, down or both: which values may be anomalies
  --alarm-from WHICH   info, warning or critical: how grave an anomaly must be to begin an alarm (initially info)
  --alarm-until N      a value that scores above this counts as normal again (0 to 0.95, initially 0.5)
  --alarm-for N        so many normal values in a row end the alarm (1 to 1000, initially 5)
  --near N             a value so near to the expected one is no anomaly, in units of the value
  --near-percent N     the same in percent of the expected one`;

/** Above this the series that was quiet for longest begins anew. */
const MOST_SERIES = 10_000;
/** Progress is told every so many rows. */
const TOLD_EVERY = 250_000;

const GRAVEST = ['critical', 'warning', 'info'] as const;

/** Columns that an option adds before the score, in this order. */
const COLUMNS = { explain: ['kind', 'expected', 'band'], alarms: ['severity', 'alarm'], why: ['why'] } as const;
const text = { type: 'string' } as const;
const yes = { type: 'boolean' } as const;
const options = {
  explain: yes,
  alarms: yes,
  why: yes,
  time: text,
  value: text,
  by: text,
  'false-alarms': text,
  direction: text,
  near: text,
  'near-percent': text,
  'alarm-from': text,
  'alarm-until': text,
  'alarm-for': text,
};
type Column = 'metric' | (typeof COLUMNS)[keyof typeof COLUMNS][number] | 'anomaly_score';
/** What was said of a value, and of which metric. */
type Judged = { readonly scored: Scored; readonly name: string; readonly why: () => string };
type Values = { readonly [Name in keyof typeof options]?: string | boolean | undefined };

/** Exit code: 0, or 2 for wrong use or input that is no such CSV. */
export const run = subcommand(
  { name: 'score', text: USAGE, options, arguments: true },
  async ({ values, positionals }, io) => {
    if (positionals.length > 1) throw wrongUse('arguments', 'one file', positionals.join(' '));
    const chosen = (['explain', 'alarms', 'why'] as const).flatMap(option => (values[option] ? COLUMNS[option] : []));
    const settings = settingsOf(values);
    const wanted = { time: values.time, value: values.value, by: values.by };
    const known = boundedMap<string, Series>(MOST_SERIES);
    const notes = openNotes();
    let table: Table | undefined;
    let added: readonly Column[] = [];
    let rows = 0;
    let comma = false;
    const texts = withLineFeeds(textOf(await inputOf(positionals[0], io), notes.foreign));
    for await (const { line, text: row, isCut, isOpen } of rowsOf(Readable.from(texts), () => table?.delimiter)) {
      if (isCut) notes.cut(line);
      if (isOpen) notes.open(line);
      const bare = table === undefined ? row.replace(/^\ufeff/, '') : row;
      // Excel's own line about what stands between cells.
      if (bare === '' || (table === undefined && /^sep=.$/i.test(bare))) {
        await io.stdout(row);
        continue;
      }
      if (table === undefined) {
        table = tableOf(bare, wanted);
        if (table === undefined) throw noTable(line, bare, wanted);
        notes.begin(table);
        added = [
          ...(table.values.length > 1 && chosen.length > 0 ? (['metric'] as const) : []),
          ...chosen,
          'anomaly_score',
        ];
        if (table.names !== undefined) {
          await io.stdout([row, ...added].join(table.delimiter));
          continue;
        }
      }
      const { delimiter, width } = table;
      const cells = cellsOf(bare, delimiter);
      const time = timeIn(cells, table);
      const key = keyOf(cells, table);
      const taken: Judged[] = [];
      let unread: string | undefined;
      for (const place of table.values) {
        const given = cells[place] ?? '';
        const value = valueOfCell(given, table);
        comma ||= hasComma(given, table);
        // One column of several may be empty.
        if (value === undefined && (given !== '' || table.values.length === 1)) unread ??= given;
        if (value === undefined) continue;
        const name = nameOf(cells, place, table);
        const seriesKey = table.values.length === 1 ? key : `${place} ${key}`;
        const one = known.get(seriesKey) ?? series(settings);
        known.set(seriesKey, one);
        const scored = one.score(rhythmOf(name, time.ms ?? Number.NaN), value);
        taken.push({ scored, name, why: () => one.why(name, value) });
      }
      notes.take({ line, key, unread, time, width: cells.length, wanted: width });
      // A row that ends early is filled up, so that the score stands in its column.
      const filling = Array.from({ length: Math.max(0, width - cells.length) }, () => '');
      const lowest = lowestOf(taken);
      const told = added.map(column =>
        lowest === undefined ? '' : cellOf(tell(column, lowest, taken, comma), delimiter),
      );
      if (++rows % TOLD_EVERY === 0) io.stderr(`score: ${rows} rows`);
      await io.stdout([row, ...filling, ...told].join(delimiter));
    }
    for (const note of notes.sentences()) io.stderr(`score: ${note}`);
    if (known.evicted > 0)
      io.stderr(`score: more than ${MOST_SERIES} series: ${known.evicted} times one was forgotten`);
    return 0;
  },
);

/** The first row of data or names tells no columns. */
function noTable(line: number, row: string, { time, value, by }: Wanted): Fault {
  const named = [time, value, by].filter(name => name !== undefined);
  const what =
    named.length > 0
      ? `names of columns, ${named.join(' and ')} among them`
      : 'timestamp,value, or columns chosen by --time and --value';
  return wrongUse(`input, line ${line}`, what, row);
}

async function inputOf(file: string | undefined, io: Io): Promise<AsyncIterable<string | Uint8Array>> {
  if (file === undefined || file === '-') {
    // `--time` or `--value` without its word takes the name of the file for it: nothing would tell.
    if ('isTTY' in io.stdin && io.stdin.isTTY === true)
      io.stderr('score: no file is named: rows are read from this terminal, up to Ctrl-D');
    return io.stdin;
  }
  try {
    const handle = await open(file);
    if (!(await handle.stat()).isDirectory()) return handle.createReadStream();
    await handle.close();
  } catch (error) {
    throw wrongUse('input', 'a file that can be read', `${file}: ${reasonOf(error)}`);
  }
  throw wrongUse('input', 'a file that can be read', `the folder ${file}`);
}

function settingsOf(values: Values): ScoreOptions {
  const number = (name: keyof Values, least: number, most = Number.MAX_VALUE): number | undefined => {
    if (values[name] === undefined) return undefined;
    const given = values[name] === '' ? Number.NaN : Number(values[name]);
    if (!(given >= least && given <= most))
      throw wrongUse(`--${name}`, `a number from ${least}${most < 1e9 ? ` to ${most}` : ''}`, values[name]);
    return given;
  };
  const { direction = 'both' } = values;
  if (direction !== 'both' && direction !== 'up' && direction !== 'down')
    throw wrongUse('--direction', 'up, down or both', direction);
  const { 'alarm-from': alarmFrom = 'info' } = values;
  if (alarmFrom !== 'info' && alarmFrom !== 'warning' && alarmFrom !== 'critical')
    throw wrongUse('--alarm-from', 'info, warning or critical', alarmFrom);
  const alarmNormal = number('alarm-for', 1, 1000);
  if (alarmNormal !== undefined && !Number.isInteger(alarmNormal))
    throw wrongUse('--alarm-for', 'a whole number', values['alarm-for']);
  return {
    falseAlarms: number('false-alarms', 0.01, 100),
    direction,
    nearUnits: number('near', 0),
    nearPercent: number('near-percent', 0),
    alarmFrom,
    alarmLeave: number('alarm-until', 0, 0.95),
    alarmNormal,
  };
}

/** The metric of a value: what another column says of it, else the name of its own. */
const nameOf = (cells: readonly string[], place: number, { metric, names, values }: Table): string =>
  (metric === undefined || values.length > 1 ? names?.[place] : cells[metric]) ?? 'value';

/** What scored lowest, of equals the first; undefined of nothing. */
const lowestOf = (taken: readonly Judged[]): Judged | undefined =>
  taken.length < 2 ? taken[0] : taken.reduce((one, other) => (other.scored.score < one.scored.score ? other : one));

/** What a cell says, by the name of its column, of the metric that scored lowest (of the alarms: the worst); numbers with a decimal comma where the values have one. */
function tell(name: Column, lowest: Judged, taken: readonly Judged[], comma: boolean): string {
  const { severity, kind, expected, band, score } = lowest.scored;
  const number = (given: number, digits: number): string => {
    const exact = String(Number(given.toPrecision(digits)));
    return comma ? exact.replace('.', ',') : exact;
  };
  if (name === 'metric') return lowest.name;
  if (name === 'kind') return kind;
  if (name === 'expected') return expected === undefined ? '' : number(expected, 9);
  // Without a number where it has no end.
  const edge = (given: number): string => (Math.abs(given) < UNKNOWN ? number(given, 9) : '');
  if (name === 'band') return band === undefined ? '' : band.map(edge).join('..');
  if (name === 'severity') return severity ?? '';
  if (name === 'alarm')
    return GRAVEST.find(grave => taken.some(({ scored: { alarm } }) => alarm?.severity === grave)) ?? '';
  if (name === 'why') return severity === undefined ? '' : lowest.why();
  // So many digits that a score just below 0 stays below 0.
  return number(score, 6);
}
