// Peers given by URL: what a start does while they fail, and while they say nothing.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type KnownPeers, knownPeers, reach } from '../../gateway/peers.ts';
import { until } from '../support/until.ts';

const url = 'postgresql://u@h/d';

describe('a peer given by URL', () => {
  let directory: string;
  let known: KnownPeers;
  const end = new AbortController();
  beforeEach(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), 'fieldline-peers-'));
    known = knownPeers(directory);
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  after(() => end.abort());

  function reached(attempt: () => Promise<void>): { done: Promise<void>; said: string[] } {
    const said: string[] = [];
    const done = reach({
      ...{ name: 'the database', url, known, attempt, isWrong: () => false, signal: end.signal, limitMs: 50 },
      log: (_level, text) => void said.push(text),
    });
    return { done, said };
  }

  it('that has worked before and says nothing holds up no start, and is taken when it answers', async () => {
    known.add(url);
    const first = Promise.withResolvers<void>();
    let attempts = 0;
    const { done, said } = reached(() => (attempts++ === 0 ? first.promise : Promise.resolve()));
    await done;
    assert.deepEqual([attempts, said], [1, ['the database does not answer']]);
    first.reject(new Error('given up'));
    await until(() => attempts === 2);
    assert.deepEqual(said, ['the database does not answer', 'the database cannot be reached']);
  });

  it('that has never worked is waited for, and known once it has', async () => {
    const { done, said } = reached(() => new Promise(resolve => setTimeout(resolve, 150)));
    await done;
    assert.deepEqual(said, []);
    assert.ok(knownPeers(directory).has(url));
  });
});
