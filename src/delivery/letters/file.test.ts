// Tests of the dead letters on disk: what is kept, over damage, and within bounds.
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fakeClock } from '../../kernel/clock.ts';
import type { Raw } from '../../reading/raw.ts';
import { mountSmallDisk, whyNoSmallDisk } from '../../../bench/durability/small-disk.ts';
import { openDeadLetters } from './file.ts';

const raw = (topic: string, bytes: Uint8Array = Buffer.from([0, 255, 10])): Raw => ({
  topic,
  bytes,
  receivedAt: 7,
  source: 'broker',
  protocol: 'mqtt',
});

describe('dead letter file', () => {
  let folder = '';
  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'dead-')), 'letters');
  });
  afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }));
  const lastFile = (): string => join(folder, readdirSync(folder).sort().at(-1) ?? '');

  it('keeps bytes, origin, reason, attempts and time, over a restart', async () => {
    const first = await openDeadLetters(folder, { clock: fakeClock(Date.UTC(2026, 0, 2)) });
    await first.append({ ...raw('a/b'), deviceId: 'AA:BB' }, 'not "JSON"\n', 3);
    await first.close();
    const second = await openDeadLetters(folder);
    await second.append(raw('c'), 'x', 1);
    const { letters, damaged } = await second.list();
    assert.equal(damaged, 0);
    assert.deepEqual(letters[0], {
      time: '2026-01-02T00:00:00.000Z',
      source: 'broker',
      topic: 'a/b',
      reason: 'not "JSON"\n',
      attempts: 3,
      receivedAt: 7,
      protocol: 'mqtt',
      deviceId: 'AA:BB',
      bytes: Buffer.from([0, 255, 10]).toString('base64'),
    });
    assert.equal(letters[1]?.topic, 'c');
  });

  it('leaves nothing half written on a full disk, says so, and goes on when there is room', async function () {
    const reason = whyNoSmallDisk();
    if (reason !== undefined) {
      console.log(`      skipped: ${reason}`);
      return this.skip();
    }
    const disk = mountSmallDisk(1);
    try {
      const file = await openDeadLetters(join(disk.directory, 'letters'));
      await file.append(raw('before'), 'x', 1);
      disk.fill();
      // What is left of the last block takes the begin of it.
      const large = raw('large', Buffer.alloc(20_000));
      for (let times = 0; times < 3; times++)
        await assert.rejects(file.append(large, 'x', 1), { kind: 'outage', code: 'FIELDLINE_DIR', message: /ENOSPC/ });
      disk.free();
      await file.append(large, 'x', 1);
      const { letters, damaged } = await file.list();
      assert.deepEqual([letters.map(({ topic }) => topic), damaged], [['before', 'large'], 0]);
      await file.close();
    } finally {
      disk.remove();
    }
  });

  it('keeps what comes together, in order', async () => {
    const file = await openDeadLetters(folder);
    await Promise.all(Array.from({ length: 50 }, (_, at) => file.append(raw(String(at)), 'x', 3)));
    assert.deepEqual(
      (await file.list()).letters.map(({ topic }) => Number(topic)),
      Array.from({ length: 50 }, (_, at) => at),
    );
  });

  it('spreads what comes together over files, so that none is too long to be read', async () => {
    const file = await openDeadLetters(folder, { maxBytes: 8000, files: 8 });
    await Promise.all(Array.from({ length: 5 }, (_, at) => file.append(raw(`${at} ${'x'.repeat(600)}`), 'x', 3)));
    // A file that is not full takes one more.
    assert.equal(readdirSync(folder).length, 3);
    assert.deepEqual(
      (await file.list()).letters.map(({ topic }) => topic[0]),
      ['0', '1', '2', '3', '4'],
    );
  });

  for (const [name, damage] of [
    ['half a last line', (file: string) => truncateSync(file, statSync(file).size - 20)],
    ['a last line without its end', (file: string) => truncateSync(file, statSync(file).size - 1)],
    ['garbage at the end', (file: string) => appendFileSync(file, '{"topic":"x","by')],
    ['a line that is JSON but no letter', (file: string) => appendFileSync(file, 'null\n[]\n')],
  ] as const)
    it(`survives ${name}`, async () => {
      const first = await openDeadLetters(folder);
      await first.append(raw('kept'), 'x', 3);
      await first.append(raw('last'), 'x', 3);
      damage(lastFile());
      const second = await openDeadLetters(folder);
      await second.append(raw('after'), 'x', 3);
      const topics = (await second.list()).letters.map(({ topic }) => topic);
      assert.equal(topics[0], 'kept');
      assert.equal(topics.at(-1), 'after');
    });

  it('drops the oldest file when there is no room, and counts it', async () => {
    const file = await openDeadLetters(folder, { maxBytes: 4000, files: 4 });
    for (let at = 0; at < 100; at++) await file.append(raw(String(at)), 'x', 3);
    const { letters } = await file.list();
    assert.equal(letters.at(-1)?.topic, '99');
    assert.ok(file.dropped > 0);
    assert.ok(readdirSync(folder).length <= 4);
    const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    assert.ok(bytes < 4000 + 4 * 300, `${bytes} bytes`);
    assert.ok(Number(letters[0]?.topic) > 50);
  });

  it('says so when the folder cannot be made', async () => {
    writeFileSync(join(folder, '..', 'file'), '');
    await assert.rejects(openDeadLetters(join(folder, '..', 'file', 'x')), { code: 'FIELDLINE_DIR', kind: 'outage' });
  });

  it('rejects as an outage when the disk does not take it, and works again afterwards', async () => {
    const file = await openDeadLetters(folder);
    rmSync(folder, { recursive: true });
    await assert.rejects(file.append(raw('a'), 'x', 3), { kind: 'outage' });
    const again = await openDeadLetters(folder);
    await file.append(raw('b'), 'x', 3);
    assert.equal((await again.list()).letters.length, 1);
  });
});
