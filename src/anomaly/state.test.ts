// What a series knows: saved in the middle it goes on as if nothing had happened; bounded; damage is refused.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fakeClock } from '../kernel/clock.ts';
import { until } from '../../test/support/until.ts';
import type { Query } from '../reading/contracts.ts';
import { catchUp } from './catch-up.ts';
import { keepCheckpoint, readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { deviceScorer } from './device.ts';
import type { Scored } from './score.ts';
import { type Series, series } from './series.ts';

const STEP = 300_000;
const START = Date.UTC(2026, 0, 5);
type Shape = (at: number) => number;
const wobble: Shape = at => ((at * 7919) % 101) / 101 + ((at * 104_729) % 97) / 97;
const shapes: [name: string, shape: Shape][] = [
  ['noise with spikes', at => 20 + wobble(at) + (at % 700 === 650 ? 30 : 0)],
  ['a daily curve with a shift', at => 5 * Math.sin(at / 45.8) + wobble(at) + (at > 1500 ? 40 : 0)],
  ['a counter that is reset', at => 100 + (at % 1300) * 3 + wobble(at)],
  ['a stuck sensor', at => (at > 900 && at < 1700 ? 20.5 : 20 + wobble(at))],
  ['a status register', at => Math.floor(at / 50) % 3],
  ['a switch that is thrown for a moment', at => (at % 50 < 20 !== (at % 1100 === 645) ? 1 : 0)],
];
const play = (one: Series, shape: Shape, from: number, to: number): Scored[] =>
  Array.from({ length: to - from }, (_, n) =>
    one.score(START + (from + n) * STEP + (from + n > 1900 ? 9e7 : 0), shape(from + n)),
  );

describe('saved series', () => {
  for (const [name, shape] of shapes)
    it(`${name}: goes on with the same scores wherever it is cut`, () => {
      const whole = play(series(), shape, 0, 2200);
      for (const cut of [0, 1, 24, 63, 100, 651, 905, 1501, 1901]) {
        const before = series();
        play(before, shape, 0, cut);
        const after = series();
        assert.ok(after.restore(before.save()));
        assert.deepEqual(play(after, shape, cut, 2200), whole.slice(cut));
      }
    });

  it('takes at most 16 KB, however long it is', () => {
    const one = series();
    const young = one.save().length;
    play(one, wobble, 0, 5000);
    assert.equal(one.save().length, young);
    assert.ok(young <= 16_384, `${young} bytes`);
  });

  it('refuses a state of another version or length and stays as it was', () => {
    const one = series();
    play(one, wobble, 0, 300);
    const saved = one.save();
    for (const wrong of [saved.slice(0, -1), saved.slice(0, 0), Uint8Array.from(saved, (byte, at) => (at ? byte : 99))])
      assert.equal(one.restore(wrong), false);
    assert.deepEqual(one.save(), saved);
  });
});

describe('checkpoint', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'anomaly-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const scorerOf = (devices: number, readings: number) => {
    const scorer = deviceScorer();
    for (let at = 0; at < readings; at++)
      for (let device = 0; device < devices; device++) scorer.score(readingOf(device, at));
    return scorer;
  };
  const readingOf = (device: number, at: number) => ({
    deviceId: `d${device}`,
    protocol: 'mqtt' as const,
    timestamp: new Date(START + at * STEP).toISOString(),
    telemetry: { power: wobble(at + device), voltage: 230 + wobble(at) },
    metadata: {},
  });

  it('brings back every series, and each goes on', async () => {
    const file = path.join(folder, 'all');
    const first = scorerOf(100, 80);
    assert.equal(await writeCheckpoint(file, 'device', first.states()), 200);
    const second = deviceScorer();
    assert.deepEqual(await readCheckpoint(file, 'device', second.restore), { taken: 200 });
    for (let device = 0; device < 100; device++)
      assert.deepEqual(second.score(readingOf(device, 80)), first.score(readingOf(device, 80)));
  });

  it('after a crash: what was stored since is learned, once, and each goes on as if there had been none', async () => {
    const file = path.join(folder, 'crash');
    const whole = scorerOf(3, 200);
    await writeCheckpoint(file, 'device', scorerOf(3, 150).states());
    const after = deviceScorer();
    await readCheckpoint(file, 'device', after.restore);
    const stored = Array.from({ length: 80 }, (_, n) => 120 + n).flatMap(at =>
      [0, 1, 2, 7].map(device => {
        const { timestamp, ...reading } = readingOf(device, at);
        return { ...reading, digest: String(at), at: new Date(timestamp) };
      }),
    );
    const query = (async (_: string, values: readonly unknown[] = []) => (values.length > 0 ? stored : [])) as Query;
    assert.equal(
      await catchUp(query, { of: ({ deviceId }) => deviceId, areDevices: () => true }, after),
      3 * 2 * 50 + 2 * 80,
    );
    assert.equal(after.size, 8, 'a device that came after the save is learned too');
    for (let device = 0; device < 3; device++)
      assert.deepEqual(after.score(readingOf(device, 200)), whole.score(readingOf(device, 200)));
  });

  it('behind which as many rows are stored as ten thousand series have learns them all', async () => {
    const one = { deviceId: 'a', telemetry: { v: 1 }, metadata: {}, digest: '' };
    const stored = Array.from({ length: 200_000 }, (_, at) => ({ ...one, at: new Date(START + at) }));
    const query = (async (_: string, values: readonly unknown[] = []) => (values.length > 0 ? stored : [])) as Query;
    const keys = { of: () => 'a', areDevices: () => true };
    const learners = { lastTime: () => undefined, usualPause: () => undefined, learn: () => true };
    assert.equal(await catchUp(query, keys, learners), stored.length);
  });

  it('that cannot be written leaves the one before as it was, and nothing beside it', async () => {
    const own = path.join(folder, 'full');
    const file = path.join(own, 'a.state');
    const all = [...scorerOf(20, 2).states()];
    await writeCheckpoint(file, 'device', all);
    function* full() {
      yield* all.slice(1);
      throw new Error('no space left on device');
    }
    await assert.rejects(writeCheckpoint(file, 'device', full()), /no space left/);
    assert.deepEqual(readdirSync(own), ['a.state']);
    assert.deepEqual(await readCheckpoint(file, 'device', deviceScorer().restore), { taken: all.length });
  });

  it('ends while series are used meanwhile', async () => {
    const scorer = scorerOf(100, 2);
    const written = writeCheckpoint(path.join(folder, 'used'), 'device', scorer.states());
    for (let device = 0; device < 100; device++) scorer.score(readingOf(device, 2));
    assert.equal(await written, 200);
  });

  it('takes what stands before a damage; none from a file whose keys mean something else, or that is missing', async () => {
    const file = path.join(folder, 'damaged');
    await writeCheckpoint(file, 'device', scorerOf(2, 80).states());
    const bytes = readFileSync(file);
    const taken = async (content: Uint8Array, keys = 'device') => {
      writeFileSync(file, content);
      return readCheckpoint(file, keys, deviceScorer().restore);
    };
    const head = bytes.indexOf('\n') + 1;
    const fourth = bytes.indexOf('2:d1voltage') - 12;
    assert.deepEqual(await taken(bytes.subarray(0, -1)), { taken: 3, why: `it is damaged from byte ${fourth} on` });
    const flipped = Buffer.from(bytes);
    flipped[200] = (flipped[200] as number) ^ 1;
    assert.deepEqual(await taken(flipped), { taken: 0, why: `it is damaged from byte ${head} on` });
    assert.deepEqual(await taken(bytes, 'auto'), { taken: 0, why: 'its series go by another key' });
    for (const other of ['', 'fieldline anomaly 0 "device"\n', '\0'.repeat(5000)])
      assert.deepEqual(await taken(Buffer.from(other)), { taken: 0, why: 'it is no file of series of this version' });
    await writeCheckpoint(file, 'device', scorerOf(2, 80).states());
    const states = await readCheckpoint(file, 'device', name => name.endsWith('power'));
    assert.deepEqual(states, { taken: 2, why: '2 series of it are of another version' });
    // As after a power cut, or of 200,000 series: larger than can be read at once.
    const sound = readFileSync(file).length;
    truncateSync(file, 2 ** 31 + sound);
    const before = await readCheckpoint(file, 'device', deviceScorer().restore);
    assert.deepEqual(before, { taken: 4, why: `it is damaged from byte ${sound} on` });
    assert.match((await readCheckpoint(folder, 'device', () => true)).why ?? '', /EISDIR/);
    assert.deepEqual(await readCheckpoint(path.join(folder, 'none'), 'device', () => true), { taken: 0 });
  });

  it('comes before its time where so much changes that hardly more is learned after a crash, but not oftener than the disk bears', async () => {
    const file = path.join(folder, 'early');
    const clock = fakeClock();
    const scorer = scorerOf(200, 2);
    let [saves, failures, isFull] = [0, 0, false];
    function* states() {
      if (isFull) throw new Error('no space left on device');
      saves++;
      yield* scorer.states();
    }
    const failed = () => void failures++;
    const keeper = keepCheckpoint({ file, keys: 'device', everyMs: 1e8, states, failed, clock });
    const hear = (seconds: number, values: number): void => {
      clock.advance(seconds * 1000);
      for (let value = 0; value < values; value++) keeper.changed(1);
    };
    const saved = () => until(() => keeper.isSaved);
    // Few are saved in their time, and what 400 series know not again within 10 s.
    hear(10, 4999);
    hear(0, 1);
    await saved();
    hear(9, 6000);
    hear(1, 1);
    await saved();
    assert.equal(saves, 2);
    isFull = true;
    hear(20, 6000);
    await until(() => failures > 0);
    // What the disk refused waits for its time.
    hear(20, 6000);
    isFull = false;
    assert.equal(await keeper.close(), true);
    assert.deepEqual([saves, failures], [3, 1]);
  });
});
