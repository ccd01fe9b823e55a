// Every example, imported into a running gateway and driven by its own buttons: each Fieldline node works and says so.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type FlowNode, type Gateway, makeGateway } from '../../bench/gateway.ts';
import { root } from '../../scripts/imports.ts';
import { type NodeStatus, watchStatus } from '../durability/node-status.ts';
import { until } from '../support/until.ts';

const read = (file: string) => JSON.parse(readFileSync(path.join(root, file), 'utf8')) as FlowNode[];
const isNode = (node: FlowNode) => node.type.startsWith('fieldline-') && node['z'] !== undefined;
/** Nodes that an example has in order to show what a fault looks like: red, with advice. */
const shownFaults: Readonly<Record<string, RegExp>> = {
  'examples/modbus-poll.json': /unit 9|no answer|quarantine/i,
  'examples/dead-letters.json': /rejected/,
  'examples/laser-decode.json': / rejected: GLM: expected exactly 20 bytes/,
  'examples/modbus-write.json': /^refused: (metric|setpoint): expected/,
  'examples/normalize.json': / rejected: /,
  'examples/timescale-out.json': /rejected/,
  'examples/own-table.json': /plant_power: expected to be there/,
};

/** The answer to a deploy comes before its nodes are there. */
async function press(button: string): Promise<void> {
  await until(
    async () => (await fetch(button, { method: 'POST' })).ok,
    () => button,
    100_000,
    100,
  );
}

describe('examples', () => {
  const files = globSync('examples/*.json', { cwd: root }).sort();
  let gateway: Gateway | undefined;
  let status: NodeStatus;

  before(async () => {
    gateway = await makeGateway({ env: { FIELDLINE_DEMO: 'on' } });
    await gateway.start();
    status = await watchStatus(gateway.url);
    await gateway.deploy('full', flows => [
      ...flows.filter(({ type }) => type.startsWith('ui-') && type === 'ui-base'),
      ...files.flatMap(read),
    ]);
    const buttons = files.flatMap(read).filter(({ type }) => type === 'inject');
    for (const { id } of buttons) await press(`${gateway.url}/inject/${id}`);
  });
  after(async () => {
    status?.close();
    await gateway?.remove();
  });

  for (const file of files)
    it(file, async () => {
      const nodes = read(file).filter(isNode);
      assert.ok(nodes.length > 0);
      // A node behind a button that nobody pressed, or behind data that is not there, has nothing to say.
      await Promise.any(nodes.map(({ id }) => status.matching(id, /\S/)));
      for (const { id, type } of nodes) {
        const text = status.last(id) ?? '';
        if (!shownFaults[file]?.test(text))
          assert.doesNotMatch(text, /expected|error|cannot|not set|no broker|ENOENT/i, `${type} ${id}: ${text}`);
      }
    });
});
