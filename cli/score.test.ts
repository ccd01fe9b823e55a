// fieldline score: the same rows in and out, the score last, judged by the settings that are given.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { corpusFolder } from '../bench/anomaly/corpus.ts';
import { csv, lastOf, rows, score, time } from './score.fixture.ts';

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

  it('leaves out the end that a band has not, and begins and ends alarms as it is told', async () => {
    const band = async (direction: string) => (await score(csv, '--explain', '--direction', direction)).out[151];
    assert.match((await band('up')) ?? '', /,spike,-?[\d.]+,\.\.-?[\d.]+,-0\.\d+$/);
    assert.match((await band('down')) ?? '', /,-?[\d.]+,-?[\d.]+\.\.,1$/);
    const inAlarm = async (...argv: string[]) =>
      (await score(csv, '--alarms', ...argv)).out.slice(1).filter(line => line.split(',')[3] !== '').length;
    const usual = await inAlarm();
    assert.equal(await inAlarm('--alarm-for', '15'), usual + 10);
    assert.equal(await inAlarm('--alarm-until', '0.95', '--alarm-for', '1000'), rows.length - 150);
    assert.equal(await inAlarm('--alarm-from', 'critical', '--near-percent', '200'), 0);
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

  const wrong: [input: string, argv: string[], reason: RegExp][] = [
    [csv, ['--explian'], /score: Unknown option '--explian'[\s\S]*Usage: fieldline score/],
    [csv, ['--false-alarms', 'many'], /--false-alarms: expected a number from 0\.01 to 100, got "many"/],
    [csv, ['--near', '-1'], /--near/],
    [csv, ['--alarm-from', 'grave'], /--alarm-from: expected info, warning or critical, got "grave"/],
    [csv, ['--alarm-for', '2.5'], /--alarm-for: expected a whole number, got "2.5"/],
    [csv, ['--alarm-until', '1'], /--alarm-until: expected a number from 0 to 0.95/],
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
  ];
  for (const [input, argv, reason] of wrong)
    it(`ends with 2 for ${argv[0] ?? input.slice(0, 3)}`, async () => {
      const { code, errors, out } = await score(input, ...argv);
      assert.deepEqual([code, out], [2, []]);
      assert.match(errors.join('\n'), reason);
    });

  it('finds the known failure of a real machine room', async function () {
    const file = path.join(corpusFolder, 'data/realKnownCause/ec2_request_latency_system_failure.csv');
    if (!existsSync(file)) return this.skip();
    const windows = JSON.parse(readFileSync(path.join(corpusFolder, 'windows.json'), 'utf8')) as Record<
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
