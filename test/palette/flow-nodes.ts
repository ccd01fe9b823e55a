// Nodes for the flows that the tracker is tried on: a source and a sink of our own, stock nodes, and nodes of other palettes.
import type { Red } from '../../src/palette/red.ts';
import { type FlowNode, type TestRuntime, testRuntime } from '../support/node-red.ts';

export const source = (...wires: string[]): FlowNode => ({ id: 's', type: 'test-source', wires: [wires] });
export const sink = (id = 'k'): FlowNode => ({ id, type: 'test-sink', wires: [[]] });
export const func = (code: string, wires: string[][] = [['k']]): FlowNode => ({
  id: 'f',
  type: 'function',
  func: code,
  outputs: wires.length,
  wires,
});
export const split: FlowNode = {
  id: 'sp',
  type: 'split',
  splt: '\\n',
  spltType: 'str',
  arraySplt: 1,
  arraySpltType: 'len',
  wires: [['k']],
};
export const delay: FlowNode = {
  id: 'd',
  type: 'delay',
  pauseType: 'delay',
  timeout: '40',
  timeoutUnits: 'milliseconds',
  rate: '1',
  nbRateUnits: '1',
  rateUnits: 'second',
  randomFirst: '1',
  randomLast: '5',
  randomUnits: 'seconds',
  outputs: 1,
  wires: [['k']],
};
export const join = (count: string): FlowNode => ({
  id: 'j',
  type: 'join',
  mode: 'custom',
  build: 'array',
  property: 'payload',
  propertyType: 'msg',
  count,
  joiner: '\\n',
  joinerType: 'str',
  wires: [['k']],
});
export type SlowSinks = {
  /** Real Node-RED, with the nodes of other palettes. */
  readonly red: TestRuntime;
  /** When each sink of this test has committed, as `performance.now()`. */
  readonly commits: readonly number[];
};

/** To be called in a `describe`: in each of its tests the sinks `k` and `k2` commit 30 and 60 ms after they got a message. */
export function onSlowSinks(): SlowSinks {
  let red: TestRuntime;
  let commits: number[] = [];

  before(async () => {
    red = await testRuntime();
    red.register(foreignNodes);
  });
  beforeEach(() => {
    commits = [];
    for (const [id, ms] of [
      ['k', 30],
      ['k2', 60],
    ] as const)
      red.onSink(id, (_message, _send, done) => {
        setTimeout(() => {
          commits.push(performance.now());
          done();
        }, ms);
      });
  });
  after(() => {
    // The runtime is shared: other suites have sinks of these names, which finish at once.
    for (const id of ['k', 'k2']) red.onSink(id, (_message, _send, done) => done());
    return red.deploy([]);
  });

  return {
    get red() {
      return red;
    },
    get commits() {
      return commits;
    },
  };
}

/** Nodes of other palettes: one of the old style (no done), one that throws. */
function foreignNodes(RED: Red): void {
  RED.nodes.registerType('test-old-style', function (config) {
    RED.nodes.createNode(this, config);
    const node = this as unknown as {
      on(event: string, listener: (message: unknown) => void): void;
      send(message: unknown): void;
    };
    node.on('input', message => node.send(message));
  });
  RED.nodes.registerType('test-throws', function (config) {
    RED.nodes.createNode(this, config);
    this.on('input', (_message, _send, _done) => {
      throw new Error('broken');
    });
  });
}
