// The house rules, enforced: arrows between rooms, no cycles, no barrels, short files that say what they are for.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { arrowFault, cyclesOf, importsOf, productFiles, roomOf, root } from '../scripts/imports.ts';

const LONGEST_FILE = 300;
const LONGEST_NODE = 130;
/** Lines of a room as a whole; raised only by an ADR (docs/adr). */
const budgets: Readonly<Record<string, number>> = { 'src/kernel': 800, 'src/palette': 1400 };

const files = productFiles();
/** Everything that people read: tests, benches and scripts too, and what runs in a browser. */
const written = globSync('{src,nodes,cli,gateway,sim,test,bench,scripts}/**/*.{ts,js,mjs}', { cwd: root })
  .filter(file => !file.includes('node_modules'))
  .sort();
const text = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const lines = (file: string): number => text(file).split('\n').length;

describe('architecture', () => {
  it('reads imports: the files of the tree import something', () => {
    assert.ok(files.flatMap(importsOf).length > 50);
  });

  it('has only arrows that the table allows', () => {
    const faults = files.flatMap(importsOf).flatMap(({ from, to }) => {
      const fault = arrowFault(roomOf(from), roomOf(to));
      return fault === undefined ? [] : [`${from} → ${to}: ${fault}`];
    });
    assert.deepEqual(faults, []);
  });

  it('imports only files that exist', () => {
    const missing = files.flatMap(importsOf).filter(({ to }) => !existsSync(path.join(root, to)));
    assert.deepEqual(missing, []);
  });

  it('has no cycles, types counted', () => {
    assert.deepEqual(cyclesOf(files.flatMap(importsOf)), []);
  });

  it('refuses a cycle and a sideways arrow when there is one', () => {
    assert.deepEqual(
      cyclesOf([
        { from: 'a', to: 'b' },
        { from: 'b', to: 'a' },
      ]).length,
      1,
    );
    assert.match(arrowFault('src/mqtt', 'src/store') ?? '', /may not import/);
    assert.match(arrowFault('nodes/dedup', 'nodes/anomaly') ?? '', /may not import/);
    assert.match(arrowFault('src/kernel', 'src/reading') ?? '', /may not import/);
  });

  it('has no barrels', () => {
    const barrels = files.filter(file => /^export (\*|\{[^}]*\}) from /m.test(text(file)));
    assert.deepEqual(barrels, []);
  });

  it('says in the first line of each file what it is for', () => {
    const silent = written.filter(file => !/^(#!.*\n)?\/\/ \S.{15,}/.test(text(file)));
    assert.deepEqual(silent, []);
  });

  it('keeps files short', () => {
    const isNode = (file: string) => file.startsWith('nodes/') && files.includes(file);
    const limit = (file: string) => (isNode(file) ? LONGEST_NODE : LONGEST_FILE);
    assert.deepEqual(
      written.filter(file => lines(file) > limit(file)).map(file => `${file} ${lines(file)}`),
      [],
    );
  });

  for (const [room, budget] of Object.entries(budgets))
    it(`keeps ${room} within ${budget} lines`, () => {
      const total = files.filter(file => roomOf(file) === room).reduce((sum, file) => sum + lines(file), 0);
      assert.ok(total <= budget, `${total} lines`);
    });

  it('keeps Node-RED out of every room but the palette', () => {
    const knowing = files.filter(
      file =>
        file.startsWith('src/') &&
        !file.startsWith('src/palette/') &&
        /\bRED\.|from 'node-red'|@node-red\//.test(text(file)),
    );
    assert.deepEqual(knowing, []);
  });

  it('gives types up nowhere', () => {
    const given = files.filter(file => /: any\b|\bas any\b|<any>|@ts-ignore|@ts-nocheck/.test(text(file)));
    assert.deepEqual(given, []);
  });
});
