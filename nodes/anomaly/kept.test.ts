// What the node keeps on the disk: a person's word at once, and a file it cannot read is named and learned anew.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { StoredReading } from '../../src/anomaly/catch-up.ts';
import { deviceScorer } from '../../src/anomaly/device.ts';
import type { Host } from '../../src/palette/define.ts';
import { checkSettings } from '../../src/palette/settings.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { definition } from './anomaly.ts';
import { until } from '../../test/support/until.ts';
import type { Feedback } from './feedback.ts';
import { fields } from './fields.ts';

describe('anomaly, what it keeps', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'anomaly-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const reading = (at: number, value: number): Reading => ({
    deviceId: 'm',
    protocol: 'mqtt',
    timestamp: new Date(Date.UTC(2026, 0, 5) + at * 60_000).toISOString(),
    telemetry: { v: value },
    metadata: {},
  });
  const wobble = (at: number) => 20 + ((at * 7919) % 101) / 101;

  /** What a database would answer to what is asked after a crash. */
  let stored: StoredReading[] = [];
  /** How often it does not answer yet. */
  let away = 0;
  /** A node that has just started, what it logged, and a way to hand it readings. */
  const started = async () => {
    const logged: string[] = [];
    const statuses: string[] = [];
    const quiet = {
      count() {},
      gauge() {},
      evaluate: () => undefined,
      ticket: () => undefined,
      config: () => ({
        query: async (_: string, values: readonly unknown[] = []) => {
          if (away-- > 0) throw new Error('the server is starting up');
          return values.length > 0 ? stored : [];
        },
      }),
    };
    const host = {
      ...{ ...quiet, id: 'node', directory },
      log: (level: string, text: string) => logged.push(`${level}: ${text}`),
      status: (_: string, text: string) => statuses.push(text),
    };
    const node = await definition.start(checkSettings(fields, {}).settings, host as unknown as Host);
    const answers: Feedback[] = [];
    const hand = (payload: Reading[], more: object = {}) =>
      new Promise<void>((resolve, reject) =>
        node.input?.(
          { payload, ...more },
          output => {
            if (Array.isArray(output)) answers.push(output[1].payload);
          },
          fault => (fault === undefined ? resolve() : reject(fault)),
        ),
      );
    return { ...{ node, logged, statuses, answers, hand } };
  };
  const grow = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, n) => reading(from + n, wobble(from + n)));

  const rowsOf = (readings: readonly Reading[]): StoredReading[] =>
    readings.map(({ deviceId, timestamp, telemetry }, n) => ({
      ...{ deviceId, at: new Date(timestamp), telemetry, digest: String(n), metadata: {} },
    }));

  it('has "this was normal" on the disk before it says done', async () => {
    const first = await started();
    const spike = reading(900, 40);
    await first.hand([...grow(0, 900), spike]);
    assert.ok((spike.metadata.anomaly?.score ?? 1) < 0);
    await first.hand([spike], { feedback: 'normal' });
    // A killed process closes nothing: the next one begins with what stands on the disk.
    const second = await started();
    assert.deepEqual(second.logged, ['info: series restored: 1']);
    const again = reading(1600, 40.2);
    await second.hand([...grow(901, 1600), again]);
    assert.ok((again.metadata.anomaly?.score ?? -1) >= 0);
    await second.hand([spike], { feedback: 'undo' });
    const third = await started();
    const last = reading(2300, 40.2);
    await third.hand([...grow(1601, 2300), last]);
    assert.ok((last.metadata.anomaly?.score ?? 1) < 0, 'what was taken back is on the disk, too');
    await Promise.all([first, second, third].map(({ node }) => node.close?.(false)));
  });

  it('says that "this was normal" could not be saved, and tries again', async () => {
    const first = await started();
    const spike = reading(900, 40);
    await first.hand([...grow(0, 900), spike]);
    // A folder where the file should be: no file can take its place.
    const file = path.join(directory, 'anomaly', 'node.state');
    mkdirSync(path.join(file, 'in-the-way'), { recursive: true });
    await first.hand([spike], { feedback: 'normal' });
    assert.match(first.answers.at(-1)?.says ?? '', /: normal\. .* It could not be saved: a crash forgets it\.$/);
    rmSync(file, { recursive: true });
    await first.node.close?.(false);
    const second = await started();
    assert.deepEqual(second.logged, ['info: series restored: 1'], 'the end of the node saved it, no crash is seen');
    await second.node.close?.(false);
  });

  it('begins once the node before it has saved, however long that takes', async () => {
    const first = await started();
    await first.hand(grow(0, 100));
    const end = first.node.close?.(false);
    const second = await started();
    assert.deepEqual(second.logged, ['info: series restored: 1']);
    await end;
    stored = rowsOf(grow(100, 110));
    const third = await started();
    assert.deepEqual(third.logged.slice(1), ['info: learned 10 values stored since the last save'], 'a crash is seen');
    await Promise.all([second, third].map(({ node }) => node.close?.(false)));
    stored = [];
  });

  it('learns what was stored when it was killed, once, and not after an orderly stop', async () => {
    const wild = { score: -0.5, metric: 'v', kind: 'spike' };
    stored = rowsOf(grow(0, 200));
    stored[199]!.metadata.anomaly = wild;
    const first = await started();
    assert.deepEqual(first.logged, [], 'a first start is no crash');
    await first.hand(grow(0, 100));
    // Killed: nothing was saved. What is stored is all there is.
    const second = await started();
    assert.deepEqual(second.logged, ['info: learned 200 values stored since the last save']);
    const again = { ...reading(199, 20), metadata: { digest: '199' } };
    await second.hand([again]);
    assert.deepEqual(again.metadata, { digest: '199', anomaly: wild }, 'what comes again is told as it is stored');
    await second.node.close?.(false);
    const third = await started();
    assert.deepEqual(third.logged, ['info: series restored: 1'], 'what was learned is kept');
    const spike = reading(200, 40);
    await third.hand([spike]);
    assert.ok((spike.metadata.anomaly?.score ?? 1) < 0);
    await Promise.all([first.node.close?.(false), third.node.close?.(false)]);
    stored = [];
  });

  describe('when the database answers late', () => {
    afterEach(() => {
      [stored, away] = [[], 0];
    });
    const crash = () => path.join(directory, 'anomaly', 'node.state.crash');
    /** Until the node has asked again and put together what it has. */
    const late = (logged: string[], text: string) => until(() => logged.includes(text) && !existsSync(crash()));

    it('learns then what was stored before and since, and what is on its way to be stored', async () => {
      const first = await started();
      await first.hand(grow(0, 100));
      await first.node.close?.(false);
      await started(); // Killed at its 800th value.
      away = 2;
      const second = await started();
      assert.match(
        second.logged.at(-1) ?? '',
        /^warn: .* was not learned yet, which is tried again: the server is starting/,
      );
      const live = grow(800, 820);
      await second.hand(live);
      stored = rowsOf([...grow(0, 800), ...live.slice(0, 15)]);
      for (const [at, { metadata }] of live.slice(0, 15).entries())
        stored[800 + at]!.metadata.anomaly = metadata.anomaly!;
      const said = live.map(({ metadata }) => structuredClone(metadata));
      await late(second.logged, 'info: learned 715 values stored since the last save, late');
      assert.deepEqual(
        live.map(({ metadata }) => metadata),
        said,
        'what was said stays',
      );
      const [spike, whole] = [reading(820, 40), reading(820, 40)];
      await second.hand([spike]);
      const scorer = deviceScorer();
      for (const one of grow(0, 820)) scorer.score(one);
      const { since: _, ...told } = spike.metadata.anomaly ?? { since: '' };
      assert.partialDeepStrictEqual(scorer.score(whole), told, 'as if there had been no crash');
      await second.node.close?.(false);
      assert.deepEqual((await started()).logged, ['info: series restored: 1'], 'what was learned late is kept');
    });

    it('keeps what a series has heard meanwhile, where that is more than can be put together', async () => {
      const first = await started();
      await first.hand(grow(0, 100));
      await first.node.close?.(false);
      await started(); // Killed at its 200th value.
      away = 1;
      const second = await started();
      const live = grow(200, 21_000);
      await second.hand(live);
      stored = rowsOf([...grow(0, 200), ...live.slice(0, 100)]);
      await until(() => !existsSync(crash()));
      const [spike, whole] = [reading(21_000, 40), reading(21_000, 40)];
      await second.hand([spike]);
      const scorer = deviceScorer();
      for (const one of [...grow(0, 100), ...live]) scorer.score(structuredClone(one));
      assert.deepEqual(spike.metadata.anomaly, scorer.score(whole));
      await second.node.close?.(false);
    });

    it('keeps what a person said meanwhile', async () => {
      const first = await started();
      await first.hand(grow(0, 850));
      await first.node.close?.(false);
      await started();
      away = 1;
      const second = await started();
      const spike = reading(900, 40);
      await second.hand([...grow(850, 900), spike]);
      await second.hand([spike], { feedback: 'normal' });
      stored = rowsOf(grow(850, 900));
      await late(second.logged, 'info: learned 50 values stored since the last save, late');
      const again = reading(1600, 40.2);
      await second.hand([...grow(901, 1600), again]);
      assert.ok((again.metadata.anomaly?.score ?? -1) >= 0);
      await second.node.close?.(false);
    });

    it('ends while it waits', async () => {
      await started();
      away = 1e9;
      const second = await started();
      assert.ok(second.logged.length > 0);
      await second.node.close?.(false);
      assert.ok(!existsSync(crash()));
    });
  });

  for (const [what, content] of [
    ['of another version', 'fieldline anomaly 0 "auto"\n'],
    ['that is empty', ''],
    ['that is damaged', `fieldline anomaly 1 "auto"\n${'x'.repeat(100)}`],
  ] as const)
    it(`names a file ${what}, and learns anew`, async () => {
      const file = path.join(directory, 'anomaly', 'node.state');
      mkdirSync(path.dirname(file));
      writeFileSync(file, content);
      const { logged, hand, node, statuses } = await started();
      assert.equal(logged.length, 1);
      assert.match(
        logged[0] ?? '',
        /^warn: .*[/\\]anomaly[/\\]node\.state: it is .*; what it does not give is learned anew$/,
      );
      const one = reading(0, 20);
      await hand([one]);
      assert.equal(one.metadata.anomaly?.kind, 'learning');
      assert.equal(statuses.at(-1), '1 series, 1 scored, 0 anomalies, learning');
      await hand(grow(1, 80));
      assert.equal(statuses.at(-1), '1 series, 80 scored, 0 anomalies');
      await node.close?.(false);
    });
});
