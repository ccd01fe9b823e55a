// LISTEN: is called back when somebody notifies a channel, over a connection of its own that comes back by itself.
import type pg from 'pg';
import { backoff } from '../kernel/backoff.ts';
import { ask } from './ask.ts';

const ANSWER_MS = 35_000;

/**
 * `onNotify` is called at once when it begins to listen, again after every lost connection, and at each notification: what
 * happened while nobody listened is for the caller to look up. Until the returned function is called.
 */
export function listenTo(pool: pg.Pool, channel: string, onNotify: () => void): () => void {
  const waits = backoff(200, 10_000);
  let client: pg.PoolClient | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function open(): Promise<void> {
    try {
      const opened = await pool.connect();
      client = opened;
      if (closed) return release();
      opened.on('notification', onNotify);
      opened.once('end', again);
      opened.once('error', again);
      await ask(opened, { text: `LISTEN "${channel.replaceAll('"', '""')}"` }, ANSWER_MS);
      waits.reset();
      onNotify();
    } catch {
      again();
    }
    return undefined;
  }

  function release(): undefined {
    // Not given back: another user of the connection would be notified.
    client?.release(true);
    client = undefined;
  }

  function again(): void {
    release();
    if (closed || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      void open();
    }, waits.next());
  }

  void open();
  return () => {
    closed = true;
    clearTimeout(timer);
    release();
  };
}
