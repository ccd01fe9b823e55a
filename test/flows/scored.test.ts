// Every shipped flow scores what it measures before it stores it (A12): no way into a table goes past the anomaly node.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
type FlowNode = { id: string; type: string; name?: string; wires?: string[][] };

/** What may come to a table unscored: what a link or a radio says of itself is no measurement, and a letter has its score already. */
const UNSCORED = new Set(['fl-sca-status', 'fl-letters']);

/** Nodes from which a message comes to `to` without meeting an anomaly node. */
function unscoredWay(nodes: readonly FlowNode[], to: FlowNode, seen = new Set<FlowNode>()): FlowNode[] {
  if (seen.has(to)) return [];
  seen.add(to);
  const before = nodes.filter(({ wires = [] }) => wires.flat().includes(to.id));
  const past = before.filter(({ type, id }) => type !== 'fieldline-anomaly' && !UNSCORED.has(id));
  return past.flatMap(one => [one, ...unscoredWay(nodes, one, seen)]);
}

describe('shipped flows', () => {
  for (const file of globSync('flows/*.json', { cwd: root })) {
    const nodes = JSON.parse(readFileSync(path.join(root, file), 'utf8')) as FlowNode[];
    const sinks = nodes.filter(({ type }) => type === 'fieldline-timescale-out');
    if (sinks.length === 0) continue;
    it(`${file}: scored before it is stored`, () => {
      for (const sink of sinks)
        assert.deepEqual(
          unscoredWay(nodes, sink).map(({ id }) => id),
          [],
        );
    });
    it(`${file}: learns after a crash what was stored`, () => {
      const scorers = nodes.filter(({ type, id }) => type === 'fieldline-anomaly' && id !== 'fl-a-anom');
      for (const { id, store } of scorers as (FlowNode & { store?: string })[])
        assert.ok(
          nodes.some(node => node.id === store),
          `${id} has no database`,
        );
    });
  }
});
