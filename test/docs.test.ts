// Every path and link that the documents name exists.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../scripts/imports.ts';

const pages = globSync('{*.md,docs/**/*.md,nodes/*/README.md}', { cwd: root }).sort();

describe('documents', () => {
  for (const page of pages)
    it(page, () => {
      const text = readFileSync(path.join(root, page), 'utf8');
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

  it('are found', () => assert.ok(pages.includes('README.md') && pages.length > 10));
});
