// Regenerates everything in docs/ and the node READMEs that is made from code; `--check` names what is out of date instead.
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { metricsHelp } from '../src/api/metrics-help.ts';
import type { DecoderExample } from '../src/decoders/define.ts';
import { shippedDecoders } from '../src/decoders/registry.ts';
import { faultCodes } from '../src/kernel/fault.ts';
import type { Fields } from '../src/palette/fields.ts';
import { settingsTable, withSettings } from '../src/palette/form.ts';
import { definitionOf, nodeNames } from './build.ts';
import { architecturePage, root } from './imports.ts';

type FlowNode = { id: string; type: string; [setting: string]: unknown };

/** A shipped flow with every setting that its nodes have: the editor calls a node invalid that misses one. */
function completeFlow(nodes: readonly FlowNode[], definitions: ReadonlyMap<string, Fields>): FlowNode[] {
  return nodes.map(node => {
    const complete = { ...node };
    for (const [name, field] of Object.entries(definitions.get(node.type) ?? {})) {
      if (field.kind === 'secret') continue;
      complete[name] ??= field.initial;
      if (field.kind === 'typed') complete[`${name}Type`] ??= field.initialType;
    }
    return complete;
  });
}

/** Path from the root → text as it should be. */
export async function generatedPages(): Promise<Map<string, string>> {
  const pages = new Map<string, string>();
  pages.set('docs/architecture.md', architecturePage());
  pages.set('docs/reference/errors.md', errorsPage());
  pages.set('docs/reference/metrics.md', metricsPage());
  pages.set('docs/reference/decoders.md', await decodersPage());
  const sections: string[] = [];
  const definitions = new Map<string, Fields>();
  for (const name of nodeNames()) {
    const definition = await definitionOf(name);
    definitions.set(definition.type, definition.fields);
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
  for (const file of globSync('{examples,flows}/**/*.json', { cwd: root })) {
    const nodes = JSON.parse(readFileSync(path.join(root, file), 'utf8')) as FlowNode[];
    pages.set(file, `${JSON.stringify(completeFlow(nodes, definitions), null, 4)}\n`);
  }
  return pages;
}

function metricsPage(): string {
  const rows = Object.entries(metricsHelp).map(([name, help]) => `| \`${name}\` | ${help} |`);
  return `# Metrics

What \`GET /metrics\` gives, in the text format of Prometheus. What a node counts carries the labels \`node\` (its id), \`type\` and \`name\`, and where the
table says so what it is counted by (\`reason\`, \`status\`, \`event\` …). A counter (\`…_total\`) begins at 0 with each start of the gateway, and is there from the first
thing on that it counts. Made by \`npm run docs\` from \`src/api/metrics-help.ts\`.

Worth an alert:

| What | Query |
| --- | --- |
| a part of the gateway does not work | \`fieldline_part_up == 0\` |
| a database, broker or server is away | \`fieldline_peer_up == 0\` |
| an outage is about to outlast its outbox | \`fieldline_outbox_oldest_seconds > 3600\` |
| something was lost, or dropped as a setting says | \`increase(fieldline_outbox_lost_total[1h]) > 0\`, \`increase(fieldline_dropped_total[1h]) > 0\` |
| something waits for a person | \`fieldline_dead_letters_open > 0\` |

| Metric | Meaning |
| --- | --- |
${rows.join('\n')}
`;
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

async function decodersPage(): Promise<string> {
  const decoders = (await shippedDecoders()).map(({ decoder }) => decoder);
  const rows = decoders.map(({ name, vendor, models, source, examples }) => {
    const metrics = [...new Set(examples.flatMap(metricsOf))].sort().map(metric => `\`${metric}\``);
    return `| [${name}](${source}) | ${vendor} | ${models.join(', ')} | ${metrics.join(', ') || 'recognised only'} |`;
  });
  return `# Decoders of Bluetooth adverts

${decoders.length} decoders ship, each one file in \`src/decoders/adverts/\`; the name links to where its layout is published. The metrics are those of its examples; formats whose frames name their own values (BTHome, MiBeacon) give more. Made by \`npm run docs\`. [Add a decoder](../add-a-decoder.md) tells how to write your own.

| Decoder | Vendor | Models | Metrics |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}

function metricsOf(example: DecoderExample): string[] {
  return 'gives' in example ? Object.keys(example.gives) : [];
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
