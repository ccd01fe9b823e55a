// Reads every import of the tree (types included) and says which arrows between rooms exist and which are allowed.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '..');

/** One import: from and to are paths relative to the root. */
export type Arrow = { from: string; to: string };

/** Product files: everything that ships or runs the gateway, without tests. */
export function productFiles(): string[] {
  return globSync('{src,nodes,cli,gateway,sim}/**/*.ts', { cwd: root, exclude: file => file.includes('node_modules') })
    .filter(file => !file.endsWith('.test.ts') && !file.endsWith('.d.ts'))
    .sort();
}

/** Relative imports of one file, static and dynamic. */
export function importsOf(file: string): Arrow[] {
  const text = readFileSync(path.join(root, file), 'utf8');
  const found = text.matchAll(
    /(?:^|[\s;])(?:import|export)\s[^'"`;]*?from\s*['"](\.[^'"]+)['"]|import\(\s*['"](\.[^'"]+)['"]\s*\)|^import\s+['"](\.[^'"]+)['"]/gm,
  );
  return [...found].map(match => ({
    from: file,
    to: path.join(path.dirname(file), match[1] ?? match[2] ?? match[3] ?? ''),
  }));
}

/** Room of a file: src/<room>, one room for all nodes per node folder, else the top folder. */
export function roomOf(file: string): string {
  const [top = '', second = ''] = file.split('/');
  return top === 'src' || top === 'nodes' ? `${top}/${second}` : top;
}

const isDomain = (room: string): boolean =>
  room.startsWith('src/') && !['src/kernel', 'src/reading', 'src/palette'].includes(room);

/** The table of arrows: what a room may import besides itself. Returns the reason when an arrow is not allowed. */
export function arrowFault(from: string, to: string): string | undefined {
  if (from === to) return undefined;
  const allowed = ((): boolean => {
    if (from === 'src/kernel') return false;
    if (from === 'src/reading') return to === 'src/kernel';
    if (from === 'src/palette') return to === 'src/kernel';
    if (isDomain(from)) return to === 'src/kernel' || to === 'src/reading';
    if (from.startsWith('nodes/')) return to.startsWith('src/');
    // Backup, restore and doctor are about the gateway's data directory and its database.
    if (from === 'cli') return to.startsWith('src/') || to === 'sim' || to === 'gateway';
    if (from === 'sim') return to.startsWith('src/');
    return from === 'gateway' && (to.startsWith('src/') || to === 'sim');
  })();
  return allowed ? undefined : `${from} may not import ${to}`;
}

/** Groups of files that import each other in a circle (Tarjan's strongly connected components of more than one file). */
export function cyclesOf(arrows: readonly Arrow[]): string[][] {
  const next = new Map<string, string[]>();
  for (const { from, to } of arrows) next.set(from, [...(next.get(from) ?? []), to]);
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file) as number);
    stack.push(file);
    for (const to of next.get(file) ?? []) {
      if (!index.has(to)) visit(to);
      if (stack.includes(to)) low.set(file, Math.min(low.get(file) as number, low.get(to) as number));
    }
    if (low.get(file) !== index.get(file)) return;
    const group = stack.splice(stack.indexOf(file));
    if (group.length > 1) found.push(group);
  };
  for (const file of next.keys()) if (!index.has(file)) visit(file);
  return found;
}

/** docs/architecture.md: the rooms and arrows as they are. */
export function architecturePage(): string {
  const coarse = (room: string): string => (room.startsWith('nodes/') ? 'nodes' : room.replace('src/', ''));
  const arrows = new Set<string>();
  for (const file of productFiles())
    for (const { from, to } of importsOf(file)) {
      const [a, b] = [coarse(roomOf(from)), coarse(roomOf(to))];
      if (a !== b) arrows.add(`  ${a} --> ${b}`);
    }
  const lines = [...arrows].sort();
  return `# Rooms and arrows

Made by \`npm run docs\` from the imports of the tree; \`test/architecture.test.ts\` refuses any arrow that the table in
\`scripts/imports.ts\` does not allow. An arrow points from the importing room to the imported one; all point downward:
\`kernel ← reading ← every domain room ← nodes, cli, gateway\`, and \`palette → kernel\`.

\`\`\`mermaid
flowchart TD
${lines.join('\n')}
\`\`\`

${lines.length} arrows.
`;
}
