// The warning about links that do not keep on disk, over wires, link nodes, subflows and what is disabled.
import assert from 'node:assert/strict';
import { type FlowPart, linkRisks, linkRiskWords } from './link-risk.ts';

const acknowledging = new Set(['fieldline-mqtt-ingest']);
const part = (id: string, type: string, more: Partial<FlowPart> = {}): FlowPart => ({ id, type, z: 't', ...more });
const source = (wires: string[][], more: Partial<FlowPart> = {}) =>
  part('src', 'fieldline-mqtt-ingest', { wires, ...more });
const link = (policy: string, more: Partial<FlowPart> = {}) =>
  part('out', 'fieldline-http-out', { policy, wires: [], ...more });
const found = (...flow: FlowPart[]) =>
  [...linkRisks([part('t', 'tab'), ...flow], acknowledging)].map(
    ([id, { policy, sources }]) => `${id} ${policy} ${sources.join()}`,
  );

const cases: readonly [name: string, flow: readonly FlowPart[], risks: readonly string[]][] = [
  ['a wire to a link that drops', [source([['out']]), link('drop')], ['out drop mqtt-ingest']],
  ['a wire to a link in memory', [source([['out']]), link('memory')], ['out memory mqtt-ingest']],
  ['one subscription with QoS 0', [source([['out']], { topics: [{ qos: '0' }] }), link('drop')], []],
  ['a subscription with QoS 0 alone', [source([['out']], { topics: [{ qos: '0' }, { qos: '0' }] }), link('drop')], []],
  [
    'a subscription with QoS 1 beside',
    [source([['out']], { topics: [{ qos: '0' }, { qos: '1' }] }), link('drop')],
    ['out drop mqtt-ingest'],
  ],
  ['a link on disk', [source([['out']]), link('disk')], []],
  ['no wire', [source([[]]), link('drop')], []],
  ['another source', [part('src', 'fieldline-ble-scan', { wires: [['out']] }), link('drop')], []],
  [
    'through other nodes, in a circle, from the second output',
    [
      source([[], ['a']]),
      part('a', 'function', { wires: [['b', 'a']] }),
      part('b', 'delay', { wires: [['a', 'out']] }),
      link('drop'),
    ],
    ['out drop mqtt-ingest'],
  ],
  [
    'a link behind a link',
    [
      source([['first']]),
      part('first', 'fieldline-timescale-out', { policy: 'disk', wires: [['out'], []] }),
      link('drop'),
    ],
    ['out drop mqtt-ingest'],
  ],
  [
    'two sources, by their names',
    [
      source([['out']], { name: 'Homelab' }),
      part('s2', 'fieldline-mqtt-ingest', { wires: [['out']], name: 'Plant' }),
      link('drop'),
    ],
    ['out drop Homelab,Plant'],
  ],
  [
    'a disabled node between',
    [source([['a']]), part('a', 'function', { d: true, wires: [['out']] }), link('drop')],
    [],
  ],
  ['a disabled source', [source([['out']], { d: true }), link('drop')], []],
  ['a disabled link', [source([['out']]), link('drop', { d: true })], []],
  ['a disabled tab', [part('u', 'tab', { disabled: true }), source([['out']], { z: 'u' }), link('drop')], []],
  [
    'link out to link in on another tab',
    [
      part('u', 'tab'),
      source([['lo']]),
      part('lo', 'link out', { mode: 'link', links: ['li'] }),
      part('li', 'link in', { z: 'u', links: ['lo', 'lo2'], wires: [['out']] }),
      part('lo2', 'link out', { links: ['li'], wires: [] }),
      link('drop', { z: 'u' }),
    ],
    ['out drop mqtt-ingest'],
  ],
  [
    'link call, there and back',
    [
      source([['lc']]),
      part('lc', 'link call', { links: ['li'], wires: [['out']] }),
      part('li', 'link in', { wires: [['a']] }),
      part('a', 'link out', { mode: 'return', links: [] }),
      link('drop'),
      part('in', 'fieldline-mqtt-out', { policy: 'memory' }),
    ],
    ['out drop mqtt-ingest'],
  ],
  [
    'through a subflow, by the right output',
    [
      part('s', 'subflow', {
        z: undefined,
        in: [{ wires: [{ id: 'x' }] }],
        out: [{ wires: [] }, { wires: [{ id: 'x', port: 0 }] }],
      }),
      part('x', 'function', { z: 's', wires: [[]] }),
      source([['i']]),
      part('i', 'subflow:s', { wires: [['no'], ['out']] }),
      part('no', 'fieldline-mqtt-out', { policy: 'drop' }),
      link('drop'),
    ],
    ['out drop mqtt-ingest'],
  ],
  [
    'straight through a subflow',
    [
      part('s', 'subflow', { in: [{ wires: [] }], out: [{ wires: [{ id: 's', port: 0 }] }] }),
      source([['i']]),
      part('i', 'subflow:s', { wires: [['out']] }),
      link('drop'),
    ],
    ['out drop mqtt-ingest'],
  ],
  [
    'a link inside a subflow',
    [
      part('s', 'subflow', { in: [{ wires: [{ id: 'out' }] }], out: [] }),
      source([['i']]),
      part('i', 'subflow:s'),
      link('drop', { z: 's' }),
    ],
    ['out drop mqtt-ingest'],
  ],
  [
    'a subflow inside a subflow',
    [
      part('s', 'subflow', { in: [{ wires: [{ id: 'j' }] }], out: [{ wires: [{ id: 'j', port: 0 }] }] }),
      part('r', 'subflow', { in: [{ wires: [{ id: 'y' }] }], out: [{ wires: [{ id: 'y', port: 0 }] }] }),
      part('y', 'change', { z: 'r', wires: [[]] }),
      part('j', 'subflow:r', { z: 's', wires: [[]] }),
      source([['i']]),
      part('i', 'subflow:s', { wires: [['out']] }),
      link('drop'),
    ],
    ['out drop mqtt-ingest'],
  ],
  [
    'a source inside a subflow',
    [
      part('s', 'subflow', { in: [], out: [{ wires: [{ id: 'src', port: 0 }] }] }),
      source([[]], { z: 's' }),
      part('i', 'subflow:s', { wires: [['out']] }),
      link('drop'),
    ],
    ['out drop mqtt-ingest'],
  ],
  ['wires to what is not there', [source([['gone', 'out']]), link('drop')], ['out drop mqtt-ingest']],
];

describe('links at risk', () => {
  for (const [name, flow, risks] of cases) it(name, () => assert.deepEqual(found(...flow), risks));

  it('says what happens and what to do', () => {
    assert.match(linkRiskWords({ policy: 'drop', sources: ['Homelab'] }), /drops messages of Homelab.*Choose disk/);
    assert.match(
      linkRiskWords({ policy: 'memory', sources: ['a', 'b'] }),
      /of a, b wait in memory.*they stop.*Choose disk/,
    );
  });
});
