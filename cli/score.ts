// fieldline score: adds an anomaly score to each row of a CSV of times and values as it streams through.
import { open } from 'node:fs/promises';
import type { Scored, ScoreOptions } from '../src/anomaly/score.ts';
import { series } from '../src/anomaly/series.ts';
import { reasonOf } from '../src/kernel/fault.ts';
import type { Io } from './io.ts';
import { cellOf, cellsOf, hasComma, rowsOf, type Table, tableOf, timeOfCell, valueOfCell } from './score-table.ts';
import { subcommand, wrongUse } from './subcommand.ts';

const USAGE = `Usage: fieldline score [options] [in.csv] > out.csv

Reads CSV with the columns timestamp and value, from the file or from standard input, and writes the same rows with
anomaly_score as the last column: 1 is normal, below 0 an anomaly. Between cells may stand , ; tab or |, where it is not
the comma numbers may have a decimal comma. Times: ISO 8601 (without zone UTC), 31.12.2026 23:59, or s, ms, µs, ns since 1970.

  --explain            adds kind, expected and band before the score
  --alarms             adds severity (of the value) and alarm (the worst severity of an episode, until the series was normal for a while)
  --why                adds the reason in a sentence, of what is an anomaly or part of one
  --time NAME          the column of the times, where it is not called timestamp, time, datetime, date or ts
  --value NAME         the column of the values, where it is neither called value nor the only other one
  --false-alarms N     so many are allowed in 10,000 values (0.01 to 100, initially 1)
  --direction WHICH    up, down or both: which values may be anomalies
  --near N             a value so near to the expected one is no anomaly, in units of the value
  --near-percent N     the same in percent of the expected one`;

/** So many rows are not judged anyway: nobody must be told how. */
const LEARNING = 64;

/** Columns that an option adds before the score, in this order. */
const COLUMNS = { explain: ['kind', 'expected', 'band'], alarms: ['severity', 'alarm'], why: ['why'] } as const;
const text = { type: 'string' } as const;
const yes = { type: 'boolean' } as const;
const options = {
  ...{ explain: yes, alarms: yes, why: yes, time: text, value: text },
  ...{ 'false-alarms': text, direction: text, near: text, 'near-percent': text },
};
type Values = { readonly [Name in keyof typeof options]?: string | boolean | undefined };

/** Exit code: 0, or 2 for wrong use or input that is no such CSV. */
export const run = subcommand(
  { name: 'score', text: USAGE, options, arguments: true },
  async ({ values, positionals }, io) => {
    if (positionals.length > 1) throw wrongUse('arguments', 'one file', positionals.join(' '));
    const chosen = (['explain', 'alarms', 'why'] as const).flatMap(option => (values[option] ? COLUMNS[option] : []));
    const added = [...chosen, 'anomaly_score'] as const;
    const one = series(settingsOf(values));
    let table: Table | undefined;
    let rows = 0;
    let timed = 0;
    let comma = false;
    for await (const row of rowsOf(await inputOf(positionals[0], io))) {
      const bare = table === undefined ? row.replace(/^\ufeff/, '') : row;
      // Excel's own line about what stands between cells.
      if (bare === '' || (table === undefined && /^sep=.$/i.test(bare))) {
        await io.stdout(row);
        continue;
      }
      if (table === undefined) {
        table = tableOf(bare, values);
        if (table === undefined) throw wrongUse('input', 'a CSV that begins with timestamp,value', bare);
        if (table.names !== undefined) {
          await io.stdout([row, ...added].join(table.delimiter));
          continue;
        }
      }
      const cells = cellsOf(bare, table.delimiter);
      const value = valueOfCell(cells[table.value], table);
      const time = timeOfCell(cells[table.time]);
      comma ||= hasComma(cells[table.value], table);
      // A row that ends early is filled up, so that the score stands in its column.
      const filling = Array.from({ length: Math.max(0, table.width - cells.length) }, () => '');
      let told = added.map(() => '');
      if (value !== undefined) {
        const scored = one.score(time, value);
        const why = () => one.why(table?.names?.[table.value] ?? 'value', value);
        told = added.map(name => cellOf(tell(name, scored, comma, why), table!.delimiter));
        rows++;
        if (time !== undefined) timed++;
      }
      await io.stdout([row, ...filling, ...told].join(table.delimiter));
    }
    if (rows > LEARNING && timed === 0)
      io.stderr(`score: no time of ${rows} rows could be read: pauses and times of day were not judged`);
    return 0;
  },
);

async function inputOf(file: string | undefined, io: Io): Promise<NodeJS.ReadableStream> {
  if (file === undefined || file === '-') return io.stdin;
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
  return {
    falseAlarms: number('false-alarms', 0.01, 100),
    direction,
    nearUnits: number('near', 0),
    nearPercent: number('near-percent', 0),
  };
}

/** What a cell says, by the name of its column; numbers with a decimal comma where the values have one. */
function tell(
  name: (typeof COLUMNS)[keyof typeof COLUMNS][number] | 'anomaly_score',
  { severity, alarm, kind, expected, band, score }: Scored,
  comma: boolean,
  why: () => string,
): string {
  const number = (given: number, digits: number): string => {
    const exact = String(Number(given.toPrecision(digits)));
    return comma ? exact.replace('.', ',') : exact;
  };
  if (name === 'kind') return kind;
  if (name === 'expected') return expected === undefined ? '' : number(expected, 9);
  if (name === 'band') return band === undefined ? '' : `${number(band[0], 9)}..${number(band[1], 9)}`;
  if (name === 'severity') return severity ?? '';
  if (name === 'alarm') return alarm?.severity ?? '';
  if (name === 'why') return severity === undefined ? '' : why();
  // So many digits that a score just below 0 stays below 0.
  return number(score, 6);
}
