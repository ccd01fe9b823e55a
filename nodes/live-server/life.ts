// The hub of a live-server through deploys and restarts: woken or read from the disk when it starts, put to rest or written when it stops.
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { reasonOf } from '../../src/kernel/fault.ts';
import { type Following, followDatabase } from '../../src/live/follow.ts';
import { createHub, type Hub } from '../../src/live/hub.ts';
import { systemRow } from '../../src/live/publication.ts';
import { leaveStand, takeStand } from '../../src/live/position.ts';
import { restHub, wakeHub } from '../../src/live/resting.ts';
import type { Host } from '../../src/palette/define.ts';
import type { Database } from '../../src/store/database.ts';
import { listenTo } from '../../src/store/listen.ts';

export type Life = {
  hub: Hub;
  /** Resolves when snapshots are complete. */
  ready: Promise<void>;
  end(): Promise<void>;
};

const QUIET_MS = 100;
const QUIET_LIMIT_MS = 1500;

/** `name` is that of the hub: another one begins anew. */
export function openLife(host: Host, name: string, historyRows: number, store: Database | undefined): Life {
  const file = path.join(host.directory, `live-${host.id.replace(/[^\w.-]/g, '_')}.json`);
  const rested = wakeHub(name);
  if (rested !== undefined && existsSync(file)) rmSync(file);
  const stand = rested === undefined ? takeStand(file) : undefined;
  const hub = rested?.hub ?? createHub({ historyRows, position: stand?.position });
  const cursor = rested?.cursor ?? stand?.cursor;
  const forget = store?.onState(({ up, reason }) =>
    hub.publishRows([systemRow(up ? 'database_back' : 'database_away', reason)]),
  );
  const following: Following | undefined = store && followDatabase(hub, { ...sourceOf(store, host), cursor });
  return {
    hub,
    ready: following?.ready ?? Promise.resolve(),
    async end() {
      forget?.();
      await following?.close();
      // What is stored from now on cannot be pushed.
      if (!(await isQuiet(store))) hub.breakOff();
      try {
        leaveStand(file, { position: hub.position, cursor: following?.cursor });
      } catch (error) {
        host.log('warn', `clients cannot resume after a restart: ${reasonOf(error)}`);
      }
      restHub(name, { hub, cursor: following?.cursor });
    },
  };
}

function sourceOf(store: Database, host: Host) {
  return {
    query: store.query,
    migrated: store.migrated,
    listen: (channel: string, wake: () => void) => listenTo(store.pool, channel, wake),
    log: (level: 'warn', text: string) => host.log(level, text),
  };
}

/** Does nobody write any more? */
async function isQuiet(store: Database | undefined): Promise<boolean> {
  if (store === undefined) return true;
  const { pool } = store;
  const end = performance.now() + QUIET_LIMIT_MS;
  let since = performance.now();
  while (performance.now() - since < QUIET_MS) {
    if (performance.now() > end) return false;
    if (pool.totalCount > pool.idleCount || pool.waitingCount > 0) since = performance.now();
    await wait(10);
  }
  return true;
}
