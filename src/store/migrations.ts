// Migration files: read, put in order, cut into steps for this kind of database.
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { digest } from '../kernel/bytes.ts';
import { expected, Fault, reasonOf } from '../kernel/fault.ts';

export type Variant = 'timescale' | 'plain';
/** `alone`: outside a transaction, so it must bear being run twice. */
export type Step = { sql: string; alone: boolean };
export type Migration = { version: number; name: string; checksum: string; steps(variant: Variant): readonly Step[] };

/** `db/migrations` beside this source tree, and beside the built one. */
const migrationsFolder = fileURLToPath(new URL('../../db/migrations', import.meta.url));

const FILE = /^(\d{4})_([a-z0-9_]+)\.sql$/;
const MARKER = /^-- (variant: (timescale|plain|all)|outside a transaction)\s*$/;

/** All migrations of a folder in order. Throws a Fault FIELDLINE_MIGRATION for two files of one number. */
export async function readMigrations(folder = migrationsFolder): Promise<readonly Migration[]> {
  const migrations: Migration[] = [];
  const files = await readdir(folder).catch((error: unknown) => {
    throw new Fault('FIELDLINE_MIGRATION', expected('migrations', `a folder ${folder}`, reasonOf(error)), {
      cause: error,
    });
  });
  for (const file of files.filter(name => name.endsWith('.sql')).sort()) {
    const parts = FILE.exec(file);
    if (parts === null) throw new Fault('FIELDLINE_MIGRATION', expected('migration', 'NNNN_name.sql', file));
    // Git may have changed the line ends on the way here.
    const text = (await readFile(`${folder}/${file}`, 'utf8')).replaceAll('\r\n', '\n');
    const version = Number(parts[1]);
    if (migrations.at(-1)?.version === version)
      throw new Fault('FIELDLINE_MIGRATION', `migration ${file}: expected a number of its own, got ${version} again`);
    migrations.push({ version, name: parts[2]!, checksum: digest(text), steps: variant => stepsOf(text, variant) });
  }
  return migrations;
}

/**
 * A marker line opens a section: `-- variant: timescale`, `-- variant: plain` or `-- variant: all` says for which kind of
 * database it is; `-- outside a transaction` makes the rest of the section a step that runs alone (one statement).
 */
export function stepsOf(text: string, variant: Variant): readonly Step[] {
  const steps: Step[] = [];
  let lines: string[] = [];
  let wanted = true;
  let alone = false;
  const close = () => {
    const sql = lines.join('\n');
    if (wanted && /^\s*[^\s-]/m.test(sql)) steps.push({ sql, alone });
    lines = [];
  };
  for (const line of text.split('\n')) {
    const marker = MARKER.exec(line);
    if (marker === null) {
      lines.push(line);
      continue;
    }
    close();
    alone = marker[2] === undefined;
    if (!alone) wanted = marker[2] === 'all' || marker[2] === variant;
  }
  close();
  return steps;
}
