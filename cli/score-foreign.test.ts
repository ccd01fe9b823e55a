// fieldline score on files that were not made for it: quotes astray, several series in one, dates apart, no text at all.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { csv, lastOf, rows, score } from './score.fixture.ts';
import { run } from './score.ts';

/** The rows with a cell in the middle. */
const noted = (cell: (at: number) => string) => rows.map((row, at) => row.replace(',', `,${cell(at)},`)).join('\n');
/** The time of day first, the date behind another cell. */
const apart = rows.map(row => row.replace(/^(\S+) ([^,]+)/, '$2,x,$1')).join('\n');
/** Rows of two devices in turn, the second far above the first. */
const mixed = rows.flatMap(row => {
  const [when, number] = row.split(',');
  return [`${when},a,${number}`, `${when},b,${Number(number) + 500}`];
});
const scoresOf = (out: readonly string[], each = 1) =>
  out
    .slice(1)
    .filter((_, at) => at % each === 0)
    .map(lastOf);

describe('score, foreign files', () => {
  let plain: number[] = [];
  before(async () => {
    plain = scoresOf((await score(csv)).out);
  });

  type Case = { name: string; input: string; argv?: string[]; errors?: string[] };
  const same: Case[] = [
    { name: 'an inch sign in a cell', input: `timestamp,note,value\n${noted(at => (at === 5 ? '5" pipe' : 'n'))}` },
    { name: 'inch signs in every other', input: `timestamp,note,value\n${noted(at => (at % 2 ? '5" pipe' : 'n'))}` },
    { name: 'quoted inch signs', input: `timestamp,note,value\n${noted(() => ' "5"" pipe, ""x"""')}` },
    { name: 'quoted line breaks', input: `timestamp,note,value\n${noted(() => '"a,\nb"""')}` },
    {
      name: 'a quote that is never closed',
      input: `timestamp,value,note\n${rows.map((row, at) => `${row},${at === 9 ? '"' : ''}x`).join('\n')}`,
      errors: ['score: line 11: a quote is never closed; each line behind it is read as a row'],
    },
    { name: 'one column left beside time and device', input: `timestamp,device_id,weight\n${noted(() => 'a')}` },
    {
      name: 'a score of before',
      input: `timestamp,anomaly_score,weight\n${noted(() => '0.5')}`,
      errors: ['score: anomaly_score was a column before; the new one is the last'],
    },
    {
      name: 'rows of our own that were created',
      input: `id,created_at,value\n${rows.map(row => `1,${row}`).join('\n')}`,
    },
    { name: 'date and time apart', input: `time,note,date,value\n${apart}` },
    { name: 'a date beside a whole time', input: `date,time,value\n${rows.map(row => `5.1.,${row}`).join('\n')}` },
    {
      name: 'date and time apart, of other names',
      input: `Uhrzeit,note,Datum,value\n${apart}`,
      argv: ['--time', 'datum,uhrzeit'],
    },
  ];
  for (const { name, input, argv = [], errors = [] } of same)
    it(`finds the same with ${name}`, async () => {
      const said = await score(input, ...argv);
      assert.deepEqual([said.code, said.errors], [0, errors]);
      assert.deepEqual(scoresOf(said.out), plain);
      const wanted = input.split('\n').slice(1);
      const written = said.out.join('\n').split('\n').slice(1);
      assert.ok(
        wanted.every((line, at) => written[at]?.startsWith(line)),
        'each row is as it was',
      );
    });

  it('judges distances by what was measured, as the node does', async () => {
    const walls = rows.flatMap((row, at) => {
      const [when, number] = row.split(',');
      return [`${when},meter,,wall,${number}`, `${when},meter,w${at % 2},wall,${Number(number) + 500}`];
    });
    const header = 'timestamp,device_id,element_id,element_type,value_mm';
    const { out, errors } = await score([header, ...walls].join('\n'), '--value', 'value_mm');
    const alone = await score(['timestamp,value_mm', ...rows].join('\n'));
    assert.deepEqual([errors, scoresOf(out, 2)], [[], scoresOf(alone.out)]);
  });

  it('judges several columns, each by itself, and tells of the lowest', async () => {
    const wide = rows.map((row, at) => `${row},${at % 50 === 7 ? '' : (at % 7) + (at === 120 ? 60 : 0)},text`);
    const input = ['timestamp,temperature,flow,note', ...wide].join('\n');
    const { out, errors } = await score(input, '--value', 'temperature,flow', '--explain', '--why', '--alarms');
    assert.deepEqual(
      [errors, out[0]],
      [[], 'timestamp,temperature,flow,note,metric,kind,expected,band,severity,alarm,why,anomaly_score'],
    );
    const found = out.slice(1).filter(line => lastOf(line) < 0);
    assert.deepEqual(
      found.map(line => line.split(',').slice(4, 6)),
      [
        ['flow', 'spike'],
        ['temperature', 'spike'],
      ],
    );
    const apart = await Promise.all(['temperature', 'flow'].map(name => score(input, '--value', name)));
    const lowest = rows.map((_, at) => Math.min(...apart.map(one => lastOf(one.out[at + 1]) || 1)));
    assert.deepEqual(scoresOf(out), lowest);
    assert.deepEqual(scoresOf((await score(input, '--value', 'temperature,flow')).out), lowest);
    assert.match(
      (await score(input, '--value', 'temperature,note')).errors.join(),
      /line 2: expected a number, got "text"/,
    );
  });

  it('takes a column whose name has a comma', async () => {
    const { out } = await score(
      `timestamp,"flow, l/min",note\n${rows.map(row => `${row},`).join('\n')}`,
      '--value',
      'Flow, l/min',
    );
    assert.deepEqual(scoresOf(out), plain);
  });

  it('says so where one time comes again and again and another column may tell why', async () => {
    const errors = async (...argv: string[]) =>
      (await score(['timestamp,station,value', ...mixed].join('\n'), ...argv)).errors;
    assert.deepEqual(await errors(), [
      'score: line 3: the time of the row before; the first of 200 such rows, of 400 in all: judged as one series; where there are several, --by names the column that tells them apart',
    ]);
    assert.deepEqual(await errors('--by', 'station'), []);
  });

  it('says so where it cuts a line', async () => {
    const { out, errors } = await score(`timestamp,value\n2026-01-01,1${' '.repeat(2 ** 20)}\n2026-01-02,2`);
    assert.deepEqual(errors, ['score: line 2: longer than 1 MB; of such lines the rest is left out']);
    assert.equal(out.length, 3);
  });

  for (const [name, swap] of [
    ['low', (bytes: Buffer) => bytes],
    ['high', (bytes: Buffer) => bytes.swap16()],
  ] as const)
    it(`reads UTF-16 without its mark, ${name} bytes first`, async () =>
      assert.deepEqual(scoresOf((await score([swap(Buffer.from(csv, 'utf16le'))])).out), plain));

  const text = Buffer.from(csv);
  const none: [name: string, bytes: Buffer, says: string][] = [
    ['gzip', gzipSync(text), 'a file compressed by gzip: gunzip it first'],
    ['zstd', zstdCompressSync(text), 'a file compressed by zstd: unzstd it first'],
    ['xz', Buffer.concat([Buffer.from('fd377a585a00', 'hex'), text]), 'a file compressed by xz: unxz it first'],
    ['bzip2', Buffer.concat([Buffer.from('BZh91AY&SY'), text]), 'a file compressed by bzip2: bunzip2 it first'],
    [
      'xlsx',
      Buffer.concat([Buffer.from('504b0304', 'hex'), text]),
      'a zip file, perhaps a spreadsheet (xlsx, ods): save it as CSV',
    ],
    ['xls', Buffer.concat([Buffer.from('d0cf11e0', 'hex'), text]), 'a spreadsheet (xls): save it as CSV'],
    ['UTF-32', Buffer.from('fffe000074000000', 'hex'), 'bytes that are 0: no text, or UTF-32'],
  ];
  for (const [name, bytes, says] of none)
    for (const size of [bytes.length, 1])
      it(`says of ${name} in pieces of ${size} what it is`, async () => {
        const pieces = Array.from({ length: bytes.length / size }, (_, at) =>
          bytes.subarray(at * size, (at + 1) * size),
        );
        const { code, errors, out } = await score(pieces);
        assert.deepEqual(
          [code, out, errors[0]?.split('\n')[0]],
          [2, [], `fieldline score: input: expected text, got "${says}"`],
        );
      });

  it('takes bytes that are 0 among rows for a row of no number', async () => {
    const { code, errors, out } = await score([['timestamp,value', '\0'.repeat(64), ...rows].join('\n')]);
    assert.deepEqual([code, out.length, errors.length], [0, rows.length + 2, 2]);
    assert.deepEqual(scoresOf(out).slice(1), plain);
  });

  it('ends with 2 for bytes that are 0, and does not read on for the end of a line', async () => {
    let read = 0;
    const zeros = (function* () {
      for (; read < 500; read++) yield Buffer.alloc(65_536);
    })();
    assert.equal((await score(zeros)).code, 2);
    assert.ok(read < 50, `${read} pieces were read`);
  });

  it('tells who has forgotten the file that it reads from the terminal', async () => {
    const errors: string[] = [];
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    stdin.end(csv);
    await run(['--value', 'value'], {
      stdin,
      stdout: () => undefined,
      stderr: line => void errors.push(line),
      env: {},
    });
    assert.deepEqual(errors, ['score: no file is named: rows are read from this terminal, up to Ctrl-D']);
  });
});
