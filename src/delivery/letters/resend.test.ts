// Sending dead letters again from several places at once: each goes once, also over a crash and a database that hiccups; how far it is.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onDatabase } from '../../../test/support/database.ts';
import type { Settled } from '../../kernel/ticket.ts';
import type { Query } from '../../reading/contracts.ts';
import { keepLetters, listLetters, queueLetters } from './letters.ts';
import { keepClaim } from './claims.ts';
import { resendRound } from './resend.ts';
import { resendDesk } from './desk.ts';

describe('dead letters sent again', () => {
  const db = onDatabase();
  beforeEach(() => db.store.query('TRUNCATE dead_letters RESTART IDENTITY'));
  const query: Query = (sql, values) => db.store.query(sql, values);
  const OK: Settled = { ok: true };
  const away: Settled = { ok: false, kind: 'outage', reason: 'away' };

  async function queued(count: number): Promise<void> {
    const letters = Array.from({ length: count }, (_, n) => ({
      ...({ kind: 'raw', reason: 'x', attempts: 3 } as const),
      ...{ topic: `t/${n + 1}`, receivedAt: n, givenUpAt: n, bytes: Buffer.of(n & 255) },
    }));
    await keepLetters(query, 'node', letters);
    await queueLetters(query, {}, 'me');
  }
  const round = (claim: string, emit: (topic: string) => Promise<Settled>, by = query) =>
    resendRound({ query: by, filter: {}, claim, emit: (_message, { topic }) => emit(topic ?? '') });
  const sent = async (claim: string): Promise<string[]> => {
    const topics: string[] = [];
    await round(claim, async topic => {
      topics.push(topic);
      return OK;
    });
    return topics;
  };

  it('is left to the one who has it, until it has settled', async () => {
    await queued(2);
    const states = await round('one', async () => {
      assert.deepEqual(await sent('two'), []);
      return { ok: false, kind: 'data', reason: 'again' };
    });
    assert.deepEqual(states, { resolved: 0, reopened: 2, waiting: 0 });
    const letters = await listLetters(query, {});
    assert.deepEqual(
      letters.map(({ state, attempts }) => [state, attempts]),
      [
        ['open', 4],
        ['open', 4],
      ],
    );
  });

  it('is taken by another after a crash, as soon as the claim has run out; a claim that is kept does not', async () => {
    await queued(1);
    const crash: Query = (sql, values) =>
      /SET state = 'resolved'/.test(sql) ? Promise.reject(new Error('killed')) : query(sql, values);
    await assert.rejects(
      round('one', async () => OK, crash),
      /killed/,
    );
    const runOut = () => query("UPDATE dead_letters SET claimed_until = now() - interval '1 s'");
    assert.deepEqual(await sent('two'), []);
    await runOut();
    await keepClaim(query, 'one', [1]);
    assert.deepEqual(await sent('two'), []);
    await runOut();
    assert.deepEqual(await sent('two'), ['t/1']);
  });

  it('may be put right, and sent by another, when it has met an outage', async () => {
    await queued(1);
    await round('one', async () => away);
    assert.deepEqual(await queueLetters(query, { ids: [1] }, 'anna', Buffer.from('right')), [1]);
    assert.deepEqual(await sent('two'), ['t/1']);
  });

  it('waits for nothing behind a hundred others that always meet an outage', async () => {
    await queued(101);
    await round('one', async () => away);
    const second: string[] = [];
    await round('one', async topic => {
      second.push(topic);
      return away;
    });
    assert.ok(second.includes('t/101'), `${second.length} letters without the last`);
  });

  it('keeps its round open for it where the database fails for a neighbour', async () => {
    await queued(2);
    let failed = 0;
    let over = false;
    let settle = () => {};
    const slow = new Promise<void>(resolve => {
      settle = resolve;
    });
    const failing: Query = async (sql, values) => {
      if (!/SET state = 'resolved'/.test(sql) || values?.[0] !== 1) return query(sql, values);
      failed++;
      throw new Error('gone');
    };
    const ended = assert.rejects(
      round('one', topic => (topic === 't/1' ? Promise.resolve(OK) : slow.then(() => OK)), failing).finally(() => {
        over = true;
      }),
      /gone/,
    );
    while (failed === 0) await query('SELECT 1');
    await query('SELECT 1');
    assert.equal(over, false);
    settle();
    await ended;
    assert.equal((await listLetters(query, { ids: [2] }))[0]?.state, 'resolved');
  });

  it('tells how many are left while it works', async () => {
    await queued(250);
    const directory = mkdtempSync(join(tmpdir(), 'letters-'));
    const told: number[] = [];
    let done = () => {};
    const ended = new Promise<void>(resolve => {
      done = resolve;
    });
    const desk = resendDesk({
      ...{ query, filter: {}, directory },
      emit: async () => OK,
      onCounts({ queued: left }) {
        told.push(left);
        if (left === 0) done();
      },
      onMoved() {},
      onAway: reason => assert.fail(reason),
    });
    await ended;
    await desk.close();
    rmSync(directory, { recursive: true, force: true });
    assert.deepEqual(told.slice(0, 4), [250, 150, 50, 0]);
  });
});
