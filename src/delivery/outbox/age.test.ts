// Age in an outbox: what is too old is dropped, and no step of the wall clock makes rows older.
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fakeClock } from '../../kernel/clock.ts';
import { drain, outboxPlace } from './outbox.fixture.ts';

describe('age in an outbox', () => {
  const place = outboxPlace();

  it('drops what is too old, and counts it', async () => {
    const clock = fakeClock();
    const it = await place.open({ clock, maxAgeMs: 3_600_000 });
    await it.append([1, 2]);
    clock.advance(1_800_000);
    await it.append([3]);
    clock.advance(1_900_000);
    assert.deepEqual(await drain(it), [3]);
    assert.deepEqual(place.gone, [{ why: 'age', rows: 2, text: `${place.file}: 2 rows dropped, older than 1 h` }]);
  });

  const HOUR = 3_600_000;
  for (const step of [HOUR, -HOUR, 12 * HOUR, -12 * HOUR])
    it(`is not moved when the wall clock is set by ${step / HOUR} h`, async () => {
      const clock = fakeClock();
      const it = await place.open({ clock, maxAgeMs: HOUR });
      await it.append([1]);
      clock.advance(0.6 * HOUR);
      clock.step(step);
      await it.append([2]);
      it.giveBack(await it.next(1));
      assert.equal(it.state().oldestMs, 0.6 * HOUR);
      clock.advance(0.5 * HOUR);
      assert.deepEqual([await drain(it), place.gone.map(({ rows }) => rows)], [[2], [1]]);
    });

  type Restart = { awayMs: number; step?: number; reboot?: true; ages: number; says: string };
  const restarts: readonly Restart[] = [
    { awayMs: HOUR, ages: HOUR, says: 'counts the time that its process was away' },
    { awayMs: 60_000, step: HOUR, ages: 60_000, says: 'does not count a step of +1 h while its process was away' },
    { awayMs: 60_000, step: -HOUR, ages: 0, says: 'grows no younger by a step of -1 h while its process was away' },
    { awayMs: 9 * HOUR, step: -HOUR, ages: 8 * HOUR, says: 'counts the time away but for a step of -1 h' },
    { awayMs: HOUR, reboot: true, ages: 30_000, says: 'counts of a reboot what the machine has been running since' },
    {
      awayMs: 60_000,
      step: 5000 * HOUR,
      reboot: true,
      ages: 30_000,
      says: 'does not believe a clock set at a reboot',
    },
  ];
  for (const { awayMs, step = 0, reboot, ages, says } of restarts)
    it(says, async () => {
      let clock = fakeClock();
      let up = HOUR;
      const uptime = (): number => up + clock.steady();
      const first = await place.open({ clock, uptime });
      await first.append([1]);
      clock.advance(1000);
      await first.append([2]);
      clock.advance(5000);
      await first.close();
      up = reboot ? 30_000 : uptime() + awayMs;
      clock = fakeClock(clock.now() + awayMs + step);
      assert.equal((await place.open({ clock, uptime })).state().oldestMs, 6000 + ages);
    });

  it('goes on with the file of another machine, whose uptime says nothing here', async () => {
    const clock = fakeClock();
    await (await place.open({ clock, uptime: () => HOUR })).append([1]);
    clock.advance(60_000);
    assert.equal((await place.open({ clock, uptime: () => 5000 * HOUR })).state().oldestMs, 60_000);
  });

  it('goes on after kill -9 with what the last rows told', async () => {
    let clock = fakeClock();
    const first = await place.open({ clock, uptime: () => HOUR + clock.steady() });
    await first.append([1]);
    clock.advance(60_000);
    await first.append([2]);
    const crashed = join(place.folder, 'crashed.outbox');
    for (const suffix of ['', '-wal']) cpSync(place.file + suffix, crashed + suffix);
    await first.close();
    place.file = crashed;
    clock = fakeClock(clock.now() + 5000 + HOUR);
    const it = await place.open({ clock, uptime: () => HOUR + 65_000 });
    assert.deepEqual([it.state().oldestMs, await drain(it)], [65_000, [1, 2]]);
  });
});
