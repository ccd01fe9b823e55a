// The gateway's side of the broker's process: what it tells of itself stands in the metrics of the gateway.
import assert from 'node:assert/strict';
import { metric } from '../kernel/metrics.ts';
import type { BrokerState } from './broker.ts';
import { remoteBroker } from './remote-broker.ts';

describe('broker in a process of its own', () => {
  it('shows its clients and its queue on the disk, and no clients once it has ended', () => {
    const remote = remoteBroker({ authenticate: () => true, log: () => {} });
    remote.attach(() => {});
    const journal = { bytes: 900, entries: 5, waiting: 2, fault: undefined };
    const state: BrokerState = { clients: 3, sessions: 4, consumers: 1, retained: 6, journal };
    remote.hear({ state, counted: [{ name: 'fieldline_broker_dropped_total', labels: { reason: 'a test' }, by: 7 }] });
    const shown = () =>
      ['clients', 'sessions', 'retained_messages', 'journal_messages', 'journal_bytes', 'journal_waiting'].map(name =>
        metric(`fieldline_broker_${name}`),
      );
    assert.deepEqual(shown(), [3, 4, 6, 5, 900, 2]);
    assert.equal(metric('fieldline_broker_dropped_total', { reason: 'a test' }), 7);
    remote.lose('it was killed');
    assert.deepEqual(shown(), [0, 4, 6, 5, 900, 2]);
    assert.equal(remote.state(), undefined);
  });
});
