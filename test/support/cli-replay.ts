// Set-up of the suites of `fieldline replay`: an empty real PostgreSQL, a data directory, raw messages to archive, and the command on both.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ask } from '../../cli/command.fixture.ts';
import { run } from '../../cli/replay.ts';
import { archive } from '../../src/archive/archive.ts';
import { archiveRow } from '../../src/archive/row.ts';
import type { Raw } from '../../src/reading/raw.ts';
import { onDatabase } from './database.ts';

/** The program, for tests that run it as a process of its own. */
export const command = fileURLToPath(new URL('../../cli/fieldline.ts', import.meta.url));
export const T0 = Date.UTC(2026, 0, 3, 16);

/** Received `at` milliseconds after T0. */
export const message = (topic: string, content: unknown, at: number): Raw => ({
  topic,
  source: 'pi',
  protocol: 'mqtt',
  receivedAt: T0 + at,
  bytes: Buffer.from(JSON.stringify(content)),
});
export const temperature = (n: number) => message('homelab/temperature/shed', { temperature: n % 40 }, n);

/** To be called in a `describe`: its members are there from then on, in later `before` hooks too; tables are emptied after each test. */
export function onArchive() {
  const db = onDatabase();
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'fieldline-replay-'));
  });
  after(() => {
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  });
  afterEach(() =>
    db.store?.query(
      'TRUNCATE raw_advertisements, replays, sensor_readings, energy_readings, flow_data, devices, latest_values, dead_letters',
    ),
  );
  return {
    db,
    /** The data directory of this suite. */
    get directory() {
      return directory;
    },
    /** Archives messages as they were received. */
    keep: (raws: readonly Raw[]) =>
      archive({ query: db.store.prepared, bulk: db.store.bulk, target: 't' }).write(
        raws.map(raw => archiveRow(raw, raw.receivedAt)),
      ),
    /** `table` may have a WHERE behind it. */
    count: async (table: string) => (await db.store.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))[0]!.n,
    async replay(argv: readonly string[], env: NodeJS.ProcessEnv = { DATABASE_URL: db.server.url }) {
      const { code, lines, errors } = await ask(run, argv, { FIELDLINE_DIR: directory, ...env });
      return { code, out: lines.map(line => JSON.parse(line) as Record<string, unknown>), errors };
    },
  };
}
