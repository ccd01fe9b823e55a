// fieldline score: the same rows in and out, the score last, whatever the CSV looks like.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { run } from './score.ts';

async function score(input: string | Iterable<string | Uint8Array>, ...argv: string[]) {
  const out: string[] = [];
  const errors: string[] = [];
  const stdin = Readable.from(typeof input === 'string' ? [Buffer.from(input)] : input);
  const io = { stdin, stdout: (line: string) => out.push(line), stderr: (line: string) => errors.push(line), env: {} };
  const code = await run(argv, io);
  return { code, out, errors };
}

const time = (at: number) => new Date(Date.UTC(2026, 0, 5) + at * 300_000).toISOString().slice(0, 19).replace('T', ' ');
const value = (at: number) => 20 + Math.sin(at * 12.9898) + (at === 150 ? 40 : 0);
const rows = Array.from({ length: 200 }, (_, at) => `${time(at)},${value(at)}`);
const csv = ['timestamp,value', ...rows].join('\n');
const lastOf = (line: string | undefined) => Number(line?.split(',').at(-1));

describe('score', () => {
  it('keeps every row as it is and adds a finite score as the last column', async () => {
    const { code, out, errors } = await score(`${csv}\n`);
    assert.deepEqual([code, errors, out.length, out[0]], [0, [], 201, 'timestamp,value,anomaly_score']);
    for (const [at, row] of rows.entries()) {
      assert.ok(out[at + 1]?.startsWith(`${row},`));
      assert.ok(Number.isFinite(lastOf(out[at + 1])));
    }
    assert.deepEqual(
      out.slice(1).flatMap((line, at) => (lastOf(line) < 0 ? [at] : [])),
      [150],
    );
    assert.equal(out[1], `${rows[0]},1`);
  });

  it('explains before the score', async () => {
    const { out } = await score(csv, '--explain');
    assert.equal(out[0], 'timestamp,value,kind,expected,band,anomaly_score');
    assert.match(out[1] ?? '', /,learning,,,1$/);
    assert.match(out[151] ?? '', /,(jump|spike|range),-?\d[\d.]*,-?\d[\d.]*\.\.-?\d[\d.]*,-0\.\d+$/);
  });

  it('tells severity and alarm before the score', async () => {
    const { out } = await score(csv, '--alarms', '--explain');
    assert.equal(out[0], 'timestamp,value,kind,expected,band,severity,alarm,anomaly_score');
    assert.match(out[151] ?? '', /,(info|warning|critical),\1,-0\.\d+$/);
    const alarms = out.slice(1).map(line => line.split(',')[6] !== '');
    assert.equal(alarms.indexOf(true), 150);
    assert.ok(alarms[154] && !alarms[149], 'an alarm lasts until the series was normal for a while');
  });

  it('scores from the past only', async () => {
    const [whole, part] = [await score(csv), await score(csv.split('\n').slice(0, 160).join('\n'))];
    assert.deepEqual(whole.out.slice(0, 160), part.out);
  });

  it('gives the same for either line ending and any cut of the stream', async () => {
    const { out } = await score(csv);
    assert.deepEqual((await score(csv.replaceAll('\n', '\r\n'))).out, out);
    const bytes = Buffer.from(csv);
    const cuts = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, at) => bytes.subarray(at * 7, at * 7 + 7));
    assert.deepEqual((await score(cuts)).out, out);
  });

  it('reports a gap on the first row after it', async () => {
    const gap = Array.from(
      { length: 200 },
      (_, at) => `${time(at < 120 ? at : at + 100)},${20 + Math.sin(at * 12.9898)}`,
    );
    const { out } = await score(['timestamp,value', ...gap].join('\n'), '--explain');
    assert.deepEqual(
      out.slice(1).flatMap((line, at) => (lastOf(line) < 0 ? [[at, line.split(',')[2]]] : [])),
      [[120, 'gap']],
    );
  });

  it('knows no pauses of distances that somebody measures by hand', async () => {
    const walked = rows.map((row, at) => row.replace(/^[^,]*/, time(at < 120 ? at : at + 1000)));
    const found = async (metric: string) =>
      (await score([`timestamp,${metric}`, ...walked].join('\n'), '--explain')).out.filter(line =>
        line.includes(',gap,'),
      );
    assert.deepEqual([(await found('value_mm')).length, (await found('pressure')).length], [0, 1]);
  });

  type Case = { name: string; input: string; out: string[]; errors?: string[] };
  const cases: Case[] = [
    {
      name: 'no number',
      input:
        'timestamp,value\n2026-01-01 00:00:00,\n2026-01-01 00:00:01,abc\n2026-01-01 00:00:02,NaN\n2026-01-01 00:00:03,Infinity\n2026-01-01 00:00:04,0x10',
      out: [
        'timestamp,value,anomaly_score',
        '2026-01-01 00:00:00,,',
        '2026-01-01 00:00:01,abc,',
        '2026-01-01 00:00:02,NaN,',
        '2026-01-01 00:00:03,Infinity,',
        '2026-01-01 00:00:04,0x10,',
      ],
      errors: ['score: line 2: expected a number, got ""; 5 of 5 rows are like it: they got no score'],
    },
    {
      name: 'numbers of any form',
      input: 'timestamp,value\na,1e400\nb,-.5\nc,+7.\nd, 3 ',
      out: ['timestamp,value,anomaly_score', 'a,1e400,1', 'b,-.5,1', 'c,+7.,1', 'd, 3 ,1'],
    },
    {
      name: 'quoted fields',
      input: '"timestamp","value"\n"2026-01-01T00:00:00Z","1.5"\n"2026-01-01T00:00:01Z","1,5"',
      out: ['"timestamp","value",anomaly_score', '"2026-01-01T00:00:00Z","1.5",1', '"2026-01-01T00:00:01Z","1,5",'],
      errors: ['score: line 3: expected a number, got "1,5"; 1 of 2 rows are like it: they got no score'],
    },
    {
      name: 'other columns in another order',
      input: 'value,note,timestamp\n1,"a ""b"",\nc",2026-01-01\n2,,2026-01-02',
      out: ['value,note,timestamp,anomaly_score', '1,"a ""b"",\nc",2026-01-01,1', '2,,2026-01-02,1'],
    },
    {
      name: 'short and empty rows',
      input: 'timestamp,value\n2026-01-01\n\n2026-01-02,1\n',
      out: ['timestamp,value,anomaly_score', '2026-01-01,,', '', '2026-01-02,1,1'],
      errors: ['score: line 2: expected a number, got ""; 1 of 2 rows are like it: they got no score'],
    },
    {
      name: 'rows with more cells than names, as decimal commas make them',
      input: 'timestamp,value\n2026-01-01,1\n2026-01-02,1,5',
      out: ['timestamp,value,anomaly_score', '2026-01-01,1,1', '2026-01-02,1,5,1'],
      errors: [
        'score: line 3: expected 2 cells, got 3; 1 of 2 rows are like it: their score stands in a column behind its own; a decimal comma needs ; between cells',
      ],
    },
    {
      name: 'times that cannot be read among others, in the line where they stand',
      input: 'timestamp,note,value\n2026-01-01,"a\nb",1\nyesterday,,2\n2026-01-03,,3',
      out: ['timestamp,note,value,anomaly_score', '2026-01-01,"a\nb",1,1', 'yesterday,,2,1', '2026-01-03,,3,1'],
      errors: [
        'score: line 4: expected a time, got "yesterday"; 1 of 3 rows are like it: they were judged without a time',
      ],
    },
    {
      name: 'the newest row first',
      input: 'timestamp,value\n2026-01-03,1\n2026-01-02,1\n2026-01-01,1',
      out: ['timestamp,value,anomaly_score', '2026-01-03,1,1', '2026-01-02,1,1', '2026-01-01,1,1'],
      errors: [
        'score: line 3: the time goes back; 2 of 3 rows are like it: rows are judged as they come, the oldest has to be the first',
      ],
    },
    {
      name: 'no header',
      input: '2026-01-01 00:00:00,1\n2026-01-01 00:00:01,2',
      out: ['2026-01-01 00:00:00,1,1', '2026-01-01 00:00:01,2,1'],
    },
    {
      name: 'a byte order mark',
      input: '\ufefftimestamp,value\n2026-01-01,1',
      out: ['\ufefftimestamp,value,anomaly_score', '2026-01-01,1,1'],
    },
    {
      name: 'semicolons and decimal commas',
      input: 'Zeit;Timestamp;Value\nx;31.12.2026 23:59;1,5\ny;01.01.2027;1.234,5\nz;2027-01-02T00:00:00+01:00;"2"',
      out: [
        'Zeit;Timestamp;Value;anomaly_score',
        'x;31.12.2026 23:59;1,5;1',
        'y;01.01.2027;1.234,5;1',
        'z;2027-01-02T00:00:00+01:00;"2";1',
      ],
    },
    {
      name: 'tabs, and the line of a spreadsheet about what stands between cells',
      input: 'sep=\t\ntime\tpower_kw\n1767571200\t1',
      out: ['sep=\t', 'time\tpower_kw\tanomaly_score', '1767571200\t1\t1'],
    },
    { name: 'no header, with semicolons', input: '1767571200;1,5', out: ['1767571200;1,5;1'] },
    { name: 'a header alone', input: 'timestamp,value\n', out: ['timestamp,value,anomaly_score'] },
    { name: 'nothing', input: '', out: [] },
  ];
  for (const { name, input, out, errors = [] } of cases)
    it(`takes ${name}`, async () => assert.deepEqual(await score(input), { code: 0, out, errors }));

  /** The same series written in another way. */
  const forms: [name: string, form: (at: number) => string, separator?: string, header?: string][] = [
    ['seconds since 1970', at => String(Date.parse(`${time(at)}Z`) / 1000)],
    ['milliseconds since 1970', at => String(Date.parse(`${time(at)}Z`))],
    ['ISO 8601 with Z', at => `${time(at).replace(' ', 'T')}.000Z`],
    ['another zone', at => new Date(Date.parse(`${time(at)}Z`) - 5.5 * 3_600_000).toISOString().replace('Z', '-05:30')],
    ['without seconds', at => time(at).slice(0, 16)],
    ['without seconds, with a zone', at => `${time(at).slice(0, 16)}+00:00`],
    ['day, month, year', at => time(at).replace(/^(....)-(..)-(..)/, '$3.$2.$1')],
    ['semicolons', time, ';'],
    ['tabs', time, '\t', 'Date\tPressure'],
    ['bars', time, '|'],
  ];
  for (const [name, form, separator = ',', header = `timestamp${separator}value`] of forms)
    it(`finds the same in ${name}`, async () => {
      const lines = rows.map((row, at) => `${form(at)}${separator}${row.split(',')[1]}`);
      const { out, errors } = await score([header, ...lines].join('\n'));
      assert.deepEqual(errors, []);
      const shifted = (await score(csv)).out.slice(1).map(lastOf);
      assert.deepEqual(
        out.slice(1).map(line => Number(line.split(separator).at(-1))),
        shifted,
      );
    });

  it('finds the same with decimal commas, and writes its own numbers so', async () => {
    const lines = rows.map(row => row.replace(',', ';').replace(/\.(\d+)$/, ',$1'));
    const { out } = await score(['timestamp;value', ...lines].join('\n'), '--explain');
    assert.match(out[151] ?? '', /^2026-01-05 12:30:00;\d+,\d+;spike;\d+,\d+;\d+,\d+\.\.\d+,\d+;-0,\d+$/);
  });

  it('takes columns by other names', async () => {
    const { out } = await score(
      `when,a,b\n${rows.map(row => row.replace(',', ',7,')).join('\n')}`,
      ...['--time', 'when'],
      ...['--value', 'B'],
    );
    assert.equal(out[0], 'when,a,b,anomaly_score');
    assert.ok(lastOf(out[151]) < 0);
  });

  it('tells why in a sentence, as one cell', async () => {
    const { out } = await score(csv.replace('value', 'temperature'), '--why');
    assert.match(
      out[151] ?? '',
      /,"temperature is 6\d\.\d+ °C, far above what is usual: about [^"]* would have passed\.",-0\.\d+$/,
    );
    assert.match(out[101] ?? '', /\d,,0\.\d+$/);
  });

  const devices = ['a', 'b'].map((name, at) => ({ name, add: 500 * at }));
  /** The rows of two devices in turn, one far above the other. */
  const mixed = rows.flatMap(row => {
    const [when, number] = row.split(',');
    return devices.map(({ name, add }) => `${name},${when},temperature,${Number(number) + add}`);
  });
  for (const [header, ...argv] of [
    ['device_id,timestamp,metric,value'],
    ['Room,timestamp,Metric,value', '--by', 'room,metric'],
  ] as const)
    it(`judges each series of ${header} by itself`, async () => {
      const { out, errors } = await score([header, ...mixed].join('\n'), ...argv, '--why');
      assert.deepEqual(errors, []);
      const found = out.slice(1).filter(line => lastOf(line) < 0);
      assert.deepEqual(
        found.map(line => line.split(',').slice(0, 2)),
        devices.map(({ name }) => [name, time(150)]),
      );
      assert.match(found[0]!, /"temperature is 6\d\.\d+ °C, far above/);
    });

  it('tells how far it is in a long file', async () => {
    const { errors } = await score(`timestamp,value\n${'2026-01-01,1\n'.repeat(250_001)}`);
    assert.deepEqual(errors, ['score: 250000 rows']);
  });

  it('judges by the settings that are given', async () => {
    const found = async (...argv: string[]) => (await score(csv, ...argv)).out.filter(line => lastOf(line) < 0).length;
    assert.deepEqual(
      [await found('--direction', 'up'), await found('--direction', 'down'), await found('--near', '60')],
      [1, 0, 0],
    );
    assert.equal(await found('--near-percent', '400'), 0);
    assert.equal(await found('--false-alarms', '5'), 1);
  });

  it('reads a file', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'score-'));
    try {
      writeFileSync(path.join(folder, 'a.csv'), csv);
      assert.deepEqual((await score('', path.join(folder, 'a.csv'))).out, (await score(csv)).out);
      for (const file of ['none.csv', '.'])
        assert.match((await score('', path.join(folder, file))).errors.join(), /expected a file that can be read/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('says so when it can read no time at all', async () => {
    const { errors } = await score(csv.replaceAll('2026-01-05', 'Monday'));
    assert.deepEqual(errors, [
      'score: line 2: expected a time, got "Monday 00:00:00"; 200 of 200 rows are like it: pauses and times of day were not judged',
    ]);
  });

  for (const strange of [
    (_at: number) => time(0),
    (at: number) => time(at % 3),
    (at: number) => time(at === 100 ? 1e7 : at),
    (at: number) => time(-at),
    (at: number) => (at % 2 ? 'yesterday' : time(at)),
  ])
    it(`keeps every row of strange times ${strange}`, async () => {
      const lines = Array.from({ length: 200 }, (_, at) => `${strange(at)},${value(at)}`);
      const { out } = await score(['timestamp,value', ...lines].join('\n'));
      assert.equal(out.length, 201);
      for (const [at, line] of lines.entries()) {
        assert.ok(out[at + 1]?.startsWith(`${line},`));
        assert.ok(Number.isFinite(lastOf(out[at + 1])));
      }
    });

  it('does not gather the input behind a quote that is never closed', async () => {
    const { out, code } = await score(`timestamp,value\n"2026,1\n${'x,1\n'.repeat(50_000)}`);
    assert.equal(code, 0);
    assert.ok(out.length > 30_000);
  });

  const wrong: [input: string, argv: string[], reason: RegExp][] = [
    [csv, ['--explian'], /score: Unknown option '--explian'[\s\S]*Usage: fieldline score/],
    [csv, ['--false-alarms', 'many'], /--false-alarms: expected a number from 0\.01 to 100, got "many"/],
    [csv, ['--near', '-1'], /--near/],
    [csv, ['--direction', 'left'], /--direction: expected up, down or both, got "left"/],
    [csv, ['a.csv', 'b.csv'], /expected one file/],
    [csv, ['--value', 'weight'], /input, line 1: expected names of columns, weight among them, got "timestamp,value"/],
    [csv, ['--by', 'room'], /input, line 1: expected names of columns, room among them, got "timestamp,value"/],
    [
      'timestamp,a,b\n1,2,3',
      [],
      /line 1: expected timestamp,value, or columns chosen by --time and --value, got "timestamp,a,b"/,
    ],
    ['a,b\n1,2', [], /line 1: expected timestamp,value, or columns chosen by --time and --value, got "a,b"/],
    ['\ufffd\ufffdt\0i\0m\0e\0', [], /input: expected text in UTF-8, got "what looks like UTF-16"/],
  ];
  for (const [input, argv, reason] of wrong)
    it(`ends with 2 for ${argv[0] ?? input.slice(0, 3)}`, async () => {
      const { code, errors, out } = await score(input, ...argv);
      assert.deepEqual([code, out], [2, []]);
      assert.match(errors.join('\n'), reason);
    });

  it('finds the known failure of a real machine room', async function () {
    const root = path.resolve(import.meta.dirname, '../../shared/data/nab');
    const file = path.join(root, 'data/realKnownCause/ec2_request_latency_system_failure.csv');
    if (!existsSync(file)) return this.skip();
    const windows = JSON.parse(readFileSync(path.join(root, 'windows.json'), 'utf8')) as Record<
      string,
      [string, string][]
    >;
    const { out } = await score(readFileSync(file, 'utf8'));
    const found = out
      .slice(1)
      .filter(line => lastOf(line) < 0)
      .map(line => line.slice(0, 19));
    for (const [from, to] of windows['realKnownCause/ec2_request_latency_system_failure.csv'] ?? [])
      assert.ok(
        found.some(at => at >= from && at <= to),
        `${from} to ${to}: ${found}`,
      );
  });
});
