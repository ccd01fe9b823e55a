// fieldline score reads a CSV whatever it looks like: quotes, separators, forms of time and number, and rows that are no such thing.
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { csv, lastOf, rows, score, time, value } from './score.fixture.ts';

describe('score, forms of CSV', () => {
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
      errors: ['score: line 2: expected a number, got ""; the first of 5 such rows, of 5 in all: no score'],
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
      errors: ['score: line 3: expected a number, got "1,5"; the only such row, of 2 in all: no score'],
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
      errors: ['score: line 2: expected a number, got ""; the only such row, of 2 in all: no score'],
    },
    {
      name: 'rows with more cells than names, as decimal commas make them',
      input: 'timestamp,value\n2026-01-01,1\n2026-01-02,1,5',
      out: ['timestamp,value,anomaly_score', '2026-01-01,1,1', '2026-01-02,1,5,1'],
      errors: [
        'score: line 3: expected 2 cells, got 3; the only such row, of 2 in all: the score stands in a column behind its own; a decimal comma needs ; between cells',
      ],
    },
    {
      name: 'times that cannot be read among others, in the line where they stand',
      input: 'timestamp,note,value\n2026-01-01,"a\nb",1\nyesterday,,2\n2026-01-03,,3',
      out: ['timestamp,note,value,anomaly_score', '2026-01-01,"a\nb",1,1', 'yesterday,,2,1', '2026-01-03,,3,1'],
      errors: [
        'score: line 4: expected a time, got "yesterday"; the only such row, of 3 in all: judged without a time',
      ],
    },
    {
      name: 'the newest row first',
      input: 'timestamp,value\n2026-01-03,1\n2026-01-02,1\n2026-01-01,1',
      out: ['timestamp,value,anomaly_score', '2026-01-03,1,1', '2026-01-02,1,1', '2026-01-01,1,1'],
      errors: [
        'score: line 3: the time goes back; the first of 2 such rows, of 3 in all: rows are judged as they come, the oldest has to be the first',
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
    {
      name: 'lines that end by a carriage return alone',
      input: 'timestamp,value\r2026-01-01,1\r2026-01-02,2\r',
      out: ['timestamp,value,anomaly_score', '2026-01-01,1,1', '2026-01-02,2,1'],
    },
    {
      name: 'a carriage return inside a cell',
      input: 'timestamp,value,note\r\n2026-01-01,1,a\rb\r\n',
      out: ['timestamp,value,note,anomaly_score', '2026-01-01,1,a\rb,1'],
    },
    {
      name: 'a header alone',
      input: 'timestamp,value\n',
      out: ['timestamp,value,anomaly_score'],
      errors: ['score: there is no row of values'],
    },
    { name: 'nothing', input: '', out: [], errors: ['score: there is no row of values'] },
    {
      name: 'two columns of one name',
      input: 'timestamp,note,Value,value,note\n2026-01-01,,1,x,',
      out: ['timestamp,note,Value,value,note,anomaly_score', '2026-01-01,,1,x,,1'],
      errors: ['score: of the columns called value the first one counts'],
    },
  ];
  for (const { name, input, out, errors = [] } of cases)
    it(`takes ${name}`, async () => assert.deepEqual(await score(input), { code: 0, out, errors }));

  const ofHalves = (text: string): string =>
    text.replace(
      / (\d\d)(.*)/,
      (_, hour, rest) => ` ${Number(hour) % 12 || 12}${rest} ${Number(hour) < 12 ? 'AM' : 'PM'}`,
    );

  /** The same series written in another way. */
  const forms: [name: string, form: (at: number) => string, separator?: string, header?: string][] = [
    ['seconds since 1970', at => String(Date.parse(`${time(at)}Z`) / 1000)],
    ['milliseconds since 1970', at => String(Date.parse(`${time(at)}Z`))],
    ['ISO 8601 with Z', at => `${time(at).replace(' ', 'T')}.000Z`],
    ['another zone', at => new Date(Date.parse(`${time(at)}Z`) - 5.5 * 3_600_000).toISOString().replace('Z', '-05:30')],
    ['without seconds', at => time(at).slice(0, 16)],
    ['without seconds, with a zone', at => `${time(at).slice(0, 16)}+00:00`],
    ['day, month, year', at => time(at).replace(/^(....)-(..)-(..)/, '$3.$2.$1')],
    ['year, month, day with slashes', at => time(at).replaceAll('-', '/')],
    ['hours of one digit, as spreadsheets write them', at => time(at).replace(/ 0(?=\d:)/, ' ')],
    ['morning and afternoon, the month first', at => ofHalves(time(at)).replace(/^(....)-0?(\d+)-0?(\d+)/, '$2/$3/$1')],
    ['morning and afternoon, the year first', at => ofHalves(time(at)).toLowerCase()],
    ['day, month, year as a browser writes them', at => time(at).replace(/^(....)-(..)-(..) /, '$3.$2.$1, '), ';'],
    [
      'morning and afternoon as a browser writes them',
      at => ofHalves(time(at)).replace(/^(....)-0?(\d+)-0?(\d+) (\S+) /, '$2/$3/$1, $4\u202f'),
      ';',
    ],
    ['the zone in letters', at => `${time(at)} UTC`],
    ['the zone in whole hours, as PostgreSQL writes it', at => `${time(at)}+00`],
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

  it('finds the same without a header, whatever is to be added', async () => {
    const { code, errors, out } = await score(rows.join('\n'), '--explain', '--alarms', '--why');
    assert.deepEqual([code, errors, out.length], [0, [], 200]);
    assert.deepEqual(out.map(lastOf), (await score(csv)).out.slice(1).map(lastOf));
  });

  const named = `timestamp;Außen °C\n${rows.join('\n').replaceAll(',', ';')}`;
  const swapped = (bytes: Buffer) => Buffer.from(bytes).swap16();
  const utf16 = Buffer.from(`\ufeff${named}`, 'utf16le');
  const western = 'line 1: no UTF-8; such lines are read as Windows-1252, and written as UTF-8';
  const encodings: [name: string, bytes: Buffer, note?: string][] = [
    ['UTF-8', Buffer.from(named)],
    ['UTF-16', utf16],
    ['UTF-16, high bytes first', swapped(utf16)],
    ['Windows-1252', Buffer.from(named, 'latin1'), western],
    [
      'lines that are not all of one',
      Buffer.concat([Buffer.from('timestamp;Au\xdfen °C\n', 'latin1'), Buffer.from(named)]),
      western,
    ],
  ];
  for (const [name, bytes, note] of encodings)
    for (const size of [bytes.length, 7])
      it(`reads ${name} in pieces of ${size}`, async () => {
        const { out, errors } = await score(pieces(bytes, size), '--value', 'Außen °C');
        assert.equal(out[0], 'timestamp;Außen °C;anomaly_score');
        const before = out.length - rows.length;
        assert.ok(out.slice(before).every((line, at) => line.startsWith(rows[at]!.replace(',', ';'))));
        assert.deepEqual(
          errors.filter(line => line.includes('UTF')),
          note === undefined ? [] : [`score: ${note}`],
        );
      });

  const pieces = (bytes: Buffer, size: number) =>
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size));
  const note = `Außenfühler größer ${'☀'.repeat(60)}`;
  const long = Array.from({ length: 12_000 }, (_, at) => `${time(at)},${at % 7},${note.slice(at % 9)}`);
  for (const [name, ending, encode, said] of [
    ['carriage returns', '\r', (text: string) => Buffer.from(text), []],
    ['line feeds', '\n', (text: string) => Buffer.from(text), []],
    [
      'carriage returns, Windows-1252',
      '\r',
      (text: string) => Buffer.from(text.replaceAll('☀', 'ü'), 'latin1'),
      [western.replace('1', '2')],
    ],
  ] as const)
    for (const size of [65_535, 65_536, 65_537])
      it(`reads more than 2 MB with ${name} in pieces of ${size}, and cuts no character`, async () => {
        const { out, errors } = await score(pieces(encode(['timestamp,value,note', ...long].join(ending)), size));
        const wanted = long.map(line => (said.length > 0 ? line.replaceAll('☀', 'ü') : line));
        assert.equal(out.length, wanted.length + 1);
        assert.deepEqual(
          wanted.filter((line, at) => !out[at + 1]?.startsWith(`${line},`)),
          [],
        );
        assert.deepEqual(
          errors,
          said.map(line => `score: ${line}`),
        );
      });

  it('cuts no character of a line that does not end', async () => {
    const text = `timestamp,value\r\n2026-01-01,1,${'€'.repeat(800_000)}`;
    const { out } = await score(pieces(Buffer.from(text), 65_536));
    assert.ok(!out.join('').includes('â'), 'it was never taken for Windows-1252');
    assert.equal(out.join('').match(/€/g)?.length, 800_000);
  });

  it('says of a compressed file what it is', async () => {
    const { code, errors } = await score([gzipSync(csv)]);
    assert.equal(code, 2);
    assert.match(errors.join('\n'), /input: expected text, got "a file compressed by gzip: gunzip it first"/);
  });

  it('finds the same with decimal commas, and writes its own numbers so', async () => {
    const lines = rows.map(row => row.replace(',', ';').replace(/\.(\d+)$/, ',$1'));
    const { out } = await score(['timestamp;value', ...lines].join('\n'), '--explain');
    assert.match(out[151] ?? '', /^2026-01-05 12:30:00;\d+,\d+;spike;\d+,\d+;\d+,\d+\.\.\d+,\d+;-0,\d+$/);
  });

  it('says so when it can read no time at all', async () => {
    const { errors } = await score(csv.replaceAll('2026-01-05', 'Monday'));
    assert.deepEqual(errors, [
      'score: line 2: expected a time, got "Monday 00:00:00"; the first of 200 such rows, of 200 in all: pauses and times of day were not judged',
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
});
