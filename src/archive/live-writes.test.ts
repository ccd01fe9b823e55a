// The writes of others, seen from a connection of a real PostgreSQL.
import assert from 'node:assert/strict';
import { fakeClock } from '../kernel/clock.ts';
import { openStore } from '../store/store.ts';
import { onDatabase } from '../../test/support/database.ts';
import { until } from '../../test/support/until.ts';
import { liveWrites, REPLAY_CONNECTIONS } from './live-writes.ts';

describe('what live data experiences', () => {
  const db = onDatabase();
  /** A connection at work until the end of `use`, seen from others. */
  async function beside(name: string, sql: string, use: () => Promise<void>): Promise<void> {
    const url = new URL(db.server.url);
    url.searchParams.set('application_name', name);
    const other = openStore({ url: url.href, connections: 1 });
    const working = other.query(sql).catch(() => undefined);
    const pid = async () =>
      (
        await db.store.query<{ pid: number }>(
          // Not while it is still setting up its session.
          "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND state = 'active' AND query = $2",
          [name, sql],
        )
      )[0]?.pid;
    let found = await pid();
    while (found === undefined) found = await pid();
    try {
      await use();
    } finally {
      await db.store.query('SELECT pg_terminate_backend($1)', [found]);
      await working;
      await other.close();
    }
  }

  const WRITE = "INSERT INTO replays (selection, asked_by) SELECT '{}', 'x' FROM pg_sleep(60)";
  it('is the age of the oldest write', () =>
    beside('somebody', WRITE, async () => {
      const look = liveWrites(db.store.query);
      const before = await look();
      assert.ok(before > 0 && (await look()) > before);
    }));
  // Writes of the tests before are seen for a while.
  it('is nothing where others only read', () =>
    beside('somebody', 'SELECT pg_sleep(60)', () => until(async () => (await liveWrites(db.store.query)()) === 0)));
  it('does not count another replay', () =>
    beside(REPLAY_CONNECTIONS, WRITE, () => until(async () => (await liveWrites(db.store.query)()) === 0)));
  it('is what asking takes between two writes, until long after the last one', async () => {
    const clock = fakeClock();
    const look = liveWrites(async sql => {
      clock.advance(20);
      return db.store.query(sql);
    }, clock);
    const other = openStore({ url: db.server.url, connections: 1 });
    try {
      let felt = 0;
      while (felt === 0) {
        await other.query("INSERT INTO replays (selection, asked_by) VALUES ('{}', 'x')");
        felt = await look();
      }
      assert.equal(felt, 20);
      while (felt > 0) felt = await look();
    } finally {
      await other.close();
    }
  });
  it('is the age of a write where that is more than what asking takes', async () => {
    const answers = [
      { ms: 35, present: true },
      { ms: 7, present: true },
      { ms: null, present: false },
    ];
    const look = liveWrites(async <Row>() => [answers.shift()] as Row[], fakeClock());
    assert.deepEqual([await look(), await look(), await look()], [35, 7, 0]);
  });
});
