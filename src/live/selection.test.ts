// Selections on a hub: filters found by value and by trial alike, no filter taken for another, organisations apart.
import assert from 'node:assert/strict';
import type { Reading } from '../reading/reading.ts';
import { noteStored } from '../reading/stored.ts';
import { channelNamed } from './channels.ts';
import { type Filter, noFilter, parseFilter } from './filter.ts';
import { createHub, type Hub } from './hub.ts';
import { laser as measured } from './live.fixture.ts';
import { ofChannel, ofTable } from './selection.ts';

const laser = (value: number, sessionId = 'S1'): Reading => measured(value, { sessionId });

function filterOf(text: string): Filter {
  const filter = parseFilter(text, channelNamed('measurement-stream')!.columns);
  assert.ok(!('refused' in filter));
  return filter;
}

describe('live selections', () => {
  let hub: Hub;
  beforeEach(() => {
    hub = createHub({ batchMs: 60_000 });
  });
  afterEach(() => hub.close());

  function listen(channel: string, filter: Filter) {
    const values: unknown[] = [];
    const subscription = hub.subscribe(ofChannel(channelNamed(channel)!, filter, undefined), ({ entries }) =>
      values.push(...entries.map(({ row }) => row.data['value_mm'])),
    );
    return { values, ...subscription };
  }

  it('finds filters by value and by trial alike', () => {
    const texts = [
      'session_id=eq.S2',
      'value_mm=gt.2',
      'session_id=eq.S1,value_mm=lt.2',
      'value_mm=eq.3.0',
      'session_id=is.null',
    ];
    const listeners = texts.map(text => listen('measurement-stream', filterOf(text)));
    const open = { ...laser(9), metadata: {} };
    hub.publish([laser(1), laser(2, 'S2'), laser(3), open]);
    hub.flush();
    assert.deepEqual(
      listeners.map(({ values }) => values),
      [[2], [3, 9], [1], [3], [9]],
    );
    for (const { close } of listeners) close();
    hub.publish([laser(4, 'S2')]);
    hub.flush();
    assert.deepEqual(listeners[0]!.values, [2]);
  });

  it('gives one organisation nothing of another, whatever the filter, also in snapshots and gaps', () => {
    const ofOrg = (value: number, orgId: string): Reading => ({ ...laser(value), metadata: { orgId } });
    const open = (org: string, text: string) => {
      const values: unknown[] = [];
      const selection = ofChannel(channelNamed('measurement-stream')!, filterOf(text), org);
      const subscription = hub.subscribe(selection, ({ entries }) =>
        values.push(...entries.map(({ row }) => row.data['value_mm'])),
      );
      const looked = (look: 'snapshot' | 'all') => subscription[look]().map(({ row }) => row.data['value_mm']);
      return { values, looked };
    };
    const texts = ['', 'org_id=eq.B', 'org_id=neq.A', 'value_mm=in.(1,2,3)', 'org_id=in.(A,B)'];
    const all = texts.map(text => ({ text, a: open('A', text), b: open('B', text) }));
    hub.publish([ofOrg(1, 'A'), ofOrg(2, 'B'), laser(3)]);
    hub.flush();
    for (const { text, a, b } of all)
      for (const [own, { values, looked }] of [
        [1, a],
        [2, b],
      ] as const)
        for (const seen of [values, looked('snapshot'), looked('all')])
          assert.ok(
            seen.every(value => value === own),
            `${text}: ${seen.join()}`,
          );
    assert.deepEqual([all[0]!.a.values, all[0]!.b.values, all[3]!.a.values], [[1], [2], [1]]);
  });

  it('does not take the filter of one for the limit of another', () => {
    const seen: unknown[] = [];
    const channel = channelNamed('measurement-stream')!;
    hub.subscribe(ofChannel(channel, filterOf('org_id=eq."a\\nb"'), undefined), () => {});
    hub.subscribe(ofChannel(channel, noFilter, 'a\nb'), ({ entries }) => seen.push(...entries));
    hub.publish([{ ...laser(1), metadata: { orgId: 'anb' } }]);
    hub.flush();
    assert.deepEqual(seen, []);
  });

  it('finds a row by its digest, as the database writes it, and by its id', () => {
    const stored = laser(1);
    noteStored(stored, { id: 7, digest: '0123456789abcdef0123456789abcdef', metadata: null });
    const texts = ['digest=eq.01234567-89ab-cdef-0123-456789abcdef', 'digest=is.null', 'id=eq.7'];
    const listeners = texts.map(text => listen('measurement-stream', filterOf(text)));
    hub.publish([stored, laser(2)]);
    hub.flush();
    assert.deepEqual(
      listeners.map(({ values }) => values),
      [[1], [2], [1]],
    );
  });

  it('takes no filter with a line break in it for two', () => {
    const seen: string[] = [];
    const bind = (name: string, ...texts: string[]) => {
      const bindings = texts.map(text => ({ event: '*', filter: filterOf(text) }) as const);
      hub.subscribe(ofTable('measurements', bindings, undefined), () => seen.push(name));
    };
    bind('one', 'session_id=eq.S1\n* device_id=eq.D1');
    bind('two', 'session_id=eq.S1', 'device_id=eq.D1');
    hub.publish([laser(1)]);
    hub.flush();
    assert.deepEqual(seen, ['two']);
  });
});
