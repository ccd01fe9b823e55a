// An outbox whose file is taken away while it is in use: what was kept is put back, and nothing that was acknowledged is gone.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { until } from '../../../test/support/until.ts';
import { drain, outboxPlace } from './outbox.fixture.ts';

describe('outbox whose file is taken away', () => {
  const place = outboxPlace();
  function replace(make: (file: string) => void): void {
    renameSync(place.file, join(place.folder, 'elsewhere'));
    make(place.file);
  }
  const kinds: readonly [name: string, take: () => void, found: number][] = [
    ['the file', () => rmSync(place.file), 1],
    ['its log', () => rmSync(`${place.file}-wal`), 1],
    ['the whole folder', () => rmSync(dirname(place.file), { recursive: true }), 0],
    ['the file, with another in its place', () => replace(file => writeFileSync(file, 'hello'.repeat(3000))), 2],
    ['the file, with a folder in its place', () => replace(file => mkdirSync(file)), 2],
  ];
  beforeEach(() => {
    place.file = join(place.folder, 'sub', 'link.outbox');
    mkdirSync(dirname(place.file));
  });

  for (const [name, take, found] of kinds)
    for (const idle of [false, true])
      it(`${name}, ${idle ? 'and nothing more comes' : 'and more comes'}`, async () => {
        const first = await place.open<string>();
        await first.append(['row 0']);
        take();
        if (idle) await until(() => place.gone.length > 0);
        else assert.deepEqual(await first.append(['row 1']), ['kept']);
        assert.match(place.gone[0]!.text, /link\.outbox was taken away while it was in use: it is put back with all/);
        const kept = readdirSync(dirname(place.file)).filter(one => /^link\.outbox\.found-\d+/.test(one));
        assert.equal(kept.length, found);
        const second = await place.open<string>();
        assert.deepEqual(await drain(second), idle ? ['row 0'] : ['row 0', 'row 1']);
        assert.equal(place.gone.length, 1);
      });

  it('waits, and says why, while it cannot be put back', async () => {
    const first = await place.open<string>();
    await first.append(['row 0']);
    assert.deepEqual(await drain(first), ['row 0']);
    rmSync(dirname(place.file), { recursive: true });
    writeFileSync(dirname(place.file), 'no folder');
    const refused = first.append(['row 1']);
    await until(() => /cannot be put back: E/.test(first.state().fault ?? ''));
    rmSync(dirname(place.file));
    assert.deepEqual(await refused, ['kept']);
    assert.deepEqual(await drain(first), ['row 1']);
  });
});
