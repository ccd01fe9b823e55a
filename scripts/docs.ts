// Regenerates everything in docs/ and the node READMEs that is made from code; `--check` names what is out of date instead.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { faultCodes } from '../src/kernel/fault.ts';
import { settingsTable, withSettings } from '../src/palette/form.ts';
import { definitionOf, nodeNames } from './build.ts';
import { architecturePage, root } from './imports.ts';

/** Path from the root → text as it should be. */
export async function generatedPages(): Promise<Map<string, string>> {
  const pages = new Map<string, string>();
  pages.set('docs/architecture.md', architecturePage());
  pages.set('docs/reference/errors.md', errorsPage());
  const sections: string[] = [];
  for (const name of nodeNames()) {
    const definition = await definitionOf(name);
    const readme = `nodes/${name}/README.md`;
    pages.set(readme, withSettings(readFileSync(path.join(root, readme), 'utf8'), definition.fields));
    sections.push(
      `## [${name}](../../nodes/${name}/README.md)\n\n${definition.summary}\n\n${settingsTable(definition.fields)}\n`,
    );
  }
  pages.set(
    'docs/reference/nodes.md',
    `# Nodes and their settings\n\nMade by \`npm run docs\` from the node definitions.\n\n${sections.join('\n')}`,
  );
  return pages;
}

function errorsPage(): string {
  const rows = Object.entries(faultCodes).map(([code, nextStep]) => `| \`${code}\` | ${nextStep} |`);
  return `# Error codes

Every error reads \`<where>: expected <what>, got <value>\` and carries one of these codes. Made by \`npm run docs\` from \`src/kernel/fault.ts\`.

| Code | What to do |
| --- | --- |
${rows.join('\n')}
`;
}

/** Pages whose text differs from what the code says. */
export async function stalePages(): Promise<string[]> {
  const stale: string[] = [];
  for (const [page, text] of await generatedPages()) {
    const file = path.join(root, page);
    if (!existsSync(file) || readFileSync(file, 'utf8') !== text) stale.push(page);
  }
  return stale;
}

if (import.meta.main) {
  const stale = await stalePages();
  if (process.argv.includes('--check')) {
    for (const page of stale) console.error(`${page}: out of date, run npm run docs`);
    process.exitCode = stale.length > 0 ? 1 : 0;
  } else {
    const pages = await generatedPages();
    for (const page of stale) {
      mkdirSync(path.dirname(path.join(root, page)), { recursive: true });
      writeFileSync(path.join(root, page), pages.get(page) ?? '');
    }
  }
}
