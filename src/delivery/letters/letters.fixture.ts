// For the tests of dead letters: letters and raw messages, told apart by a number; the states of those in the table; what may become of
// one that is sent again; an empty table and a data directory.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Settled } from '../../kernel/ticket.ts';
import type { Query } from '../../reading/contracts.ts';
import type { Raw } from '../../reading/raw.ts';
import { listLetters, type NewLetter } from './letters.ts';

export const T0 = Date.UTC(2026, 0, 3, 16);

export const letter = (n: number, more: Partial<NewLetter> = {}): NewLetter => ({
  kind: 'raw',
  topic: `t/${n}`,
  scannerId: 'pi',
  protocol: 'mqtt',
  reason: 'no good',
  attempts: 3,
  receivedAt: T0 + n,
  givenUpAt: T0 + 1000,
  bytes: Buffer.from([n, 0, 255]),
  ...more,
});
export const raw = (n: number, more: Partial<Raw> = {}): Raw => ({
  topic: `t/${n}`,
  source: 'pi',
  protocol: 'bluetooth',
  deviceId: 'AA',
  receivedAt: T0 + n,
  bytes: Buffer.from([n, 0, 255]),
  ...more,
});

export const statesIn = async (query: Query): Promise<string[]> =>
  (await listLetters(query, {})).map(({ topic, state }) => `${topic} ${state}`).sort();

export const OK: Settled = { ok: true };
export const refused: Settled = { ok: false, kind: 'data', reason: 'refused again' };
export const away: Settled = { ok: false, kind: 'outage', reason: 'away' };

/** To be called in a `describe`, with its database: each of its tests begins with an empty table, and has a data directory of its own. */
export function letterPlace(db: { readonly store: { readonly query: Query } }): { readonly directory: string } {
  let directory: string;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'letters-'));
    await db.store.query('TRUNCATE dead_letters');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  return {
    get directory() {
      return directory;
    },
  };
}
