// The build: compiles to dist/, copies data files to the same relative path, generates each node's editor file.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ConfigDefinition, NodeDefinition } from '../src/palette/define.ts';
import type { Fields } from '../src/palette/fields.ts';
import { editorHtml, withSettings } from '../src/palette/form.ts';

const root = path.resolve(import.meta.dirname, '..');
const dist = path.join(root, 'dist');
const DATA = /\.(sql|json|jsonl|svg|yaml|csv|md)$|\/browser\/[^/]+$/;

/** Node folders that have a node file, in palette order (alphabetical). */
export function nodeNames(): string[] {
  const folder = path.join(root, 'nodes');
  return readdirSync(folder)
    .filter(name => existsSync(path.join(folder, name, `${name}.ts`)))
    .sort();
}

export async function definitionOf(name: string): Promise<NodeDefinition<Fields> | ConfigDefinition<Fields>> {
  const file = pathToFileURL(path.join(root, 'nodes', name, `${name}.ts`)).href;
  return ((await import(file)) as { definition: NodeDefinition<Fields> | ConfigDefinition<Fields> }).definition;
}

/** Script for the browser: the check of the settings and the dialog code. */
function browserScript(): string {
  const fields = stripTypeScriptTypes(readFileSync(path.join(root, 'src/palette/fields.ts'), 'utf8')).replace(
    /^export /gm,
    '',
  );
  // Trailing blanks are what is left of the stripped types.
  const parts = ['form.js', 'decode-now.js'].map(name =>
    readFileSync(path.join(root, 'src/palette/editor', name), 'utf8'),
  );
  return [fields, ...parts]
    .join('\n')
    .replace(/[ \t]+$/gm, '')
    .replace(/\n{3,}/g, '\n\n');
}

/** The warning about links that do not keep on disk. */
function linksScript(): string {
  const risks = stripTypeScriptTypes(readFileSync(path.join(root, 'src/palette/link-risk.ts'), 'utf8'));
  const editor = readFileSync(path.join(root, 'src/palette/editor/link-risks.js'), 'utf8');
  return `${risks.replace(/^export /gm, '').replace(/[ \t]+$/gm, '')}\n${editor}`;
}

/** Node-RED finds nodes by this list; it is kept by the build so that a new node is one folder. */
function listNodes(): void {
  const file = path.join(root, 'package.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as { 'node-red': { nodes: Record<string, string> } };
  const before = JSON.stringify(manifest['node-red'].nodes);
  manifest['node-red'].nodes = Object.fromEntries(nodeNames().map(name => [name, `dist/nodes/${name}/${name}.js`]));
  if (JSON.stringify(manifest['node-red'].nodes) !== before)
    writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
}

async function build(): Promise<void> {
  rmSync(dist, { recursive: true, force: true });
  const compiled = spawnSync(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', root], {
    stdio: 'inherit',
  });
  if (compiled.status !== 0) process.exit(compiled.status ?? 1);
  for (const room of ['src', 'nodes', 'db', 'sim', 'flows']) {
    const from = path.join(root, room);
    if (!existsSync(from)) continue;
    cpSync(from, path.join(dist, room), { recursive: true, filter: file => !path.extname(file) || DATA.test(file) });
  }
  mkdirSync(path.join(root, 'resources'), { recursive: true });
  writeFileSync(path.join(root, 'resources/form.js'), browserScript());
  writeFileSync(path.join(root, 'resources/links.js'), linksScript());
  listNodes();
  for (const name of nodeNames()) {
    const folder = path.join(root, 'nodes', name);
    const definition = await definitionOf(name);
    const readme = withSettings(readFileSync(path.join(folder, 'README.md'), 'utf8'), definition.fields);
    const own = (ending: string): string => {
      const file = path.join(folder, `${name}.form.${ending}`);
      return existsSync(file) ? readFileSync(file, 'utf8') : '';
    };
    const html = editorHtml(definition, readme, { markup: own('html'), script: own('js') });
    writeFileSync(path.join(dist, 'nodes', name, `${name}.html`), html);
  }
}

/** Newest change of anything the build reads. */
function newestSource(): number {
  const files = globSync('{src,nodes,cli,gateway,sim,db,flows,scripts}/**/*.*', {
    cwd: root,
    exclude: file => file.includes('node_modules'),
  });
  return Math.max(...[...files, 'package.json', 'tsconfig.json'].map(file => statSync(path.join(root, file)).mtimeMs));
}

const stamp = path.join(dist, '.built');
if (import.meta.main) {
  const fresh = process.argv.includes('--if-stale') && existsSync(stamp) && statSync(stamp).mtimeMs > newestSource();
  if (!fresh) {
    await build();
    writeFileSync(stamp, '');
  }
}
