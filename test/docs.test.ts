// Every path, link and command that the documents name exists.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { main } from '../cli/fieldline.ts';
import { root } from '../scripts/imports.ts';
import { metricsHelp } from '../src/api/metrics-help.ts';

const pages = globSync('{*.md,docs/**/*.md,nodes/*/README.md}', { cwd: root }).sort();

const textOf = (page: string): string => readFileSync(path.join(root, page), 'utf8');

describe('documents', () => {
  for (const page of pages)
    it(page, () => {
      const text = textOf(page);
      const links = [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)/g)].map(match =>
        path.join(path.dirname(page), match[1] as string),
      );
      const paths = [
        ...text.matchAll(/`((?:src|nodes|gateway|cli|sim|db|flows|examples|scripts|test|bench|docs)\/[\w./-]+)`/g),
      ].map(match => match[1] as string);
      // A guide may name the file that its reader is about to make.
      const missing = [...links, ...paths].filter(
        it => !/NNNN|shed-sensor/.test(it) && !existsSync(path.join(root, it)),
      );
      assert.deepEqual(missing, []);
    });

  const named = (form: RegExp): ReadonlySet<string> =>
    new Set(pages.flatMap(page => [...textOf(page).matchAll(form)].map(([, name]) => name as string)));

  it('name subcommands that exist', async () => {
    const names = named(/\bfieldline (?:-- )?([a-z][a-z-]+)/g);
    assert.ok(names.has('decode') && names.has('restore'));
    const io = { stdin: Readable.from([]), stdout() {}, stderr() {}, env: {} };
    for (const name of names) assert.equal(await main([name, '--help'], io), 0, name);
  });

  it('name scripts of npm that exist', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: object };
    for (const name of named(/npm run (?:-s )?([a-z]+)/g)) assert.ok(Object.hasOwn(scripts, name), name);
  });

  it('name metrics that exist', () => {
    for (const name of named(/\b(fieldline_[a-z_]+_(?:total|seconds|rows|bytes|up|messages))\b/g))
      assert.ok(Object.hasOwn(metricsHelp, name), name);
  });

  it('are found', () => assert.ok(pages.includes('README.md') && pages.length > 10));
});
