// Tickets: settle once, after the last delivery, with the first failure; groups settle as one.
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import {
  closeDelivery,
  failTicket,
  head,
  issueTicket,
  merge,
  openDelivery,
  type Settled,
  settle,
  whenSettled,
} from './ticket.ts';

describe('kernel: tickets', () => {
  const failure: Settled = { ok: false, kind: 'data', reason: 'first' };
  const issue = () => {
    const settled: Settled[] = [];
    return { ticket: issueTicket(0, 0, it => settled.push(it)), settled };
  };

  it('settles on the turn after the last delivery, not before', async () => {
    const { ticket, settled } = issue();
    openDelivery(ticket);
    closeDelivery(ticket);
    closeDelivery(ticket);
    assert.deepEqual(settled, []);
    await turn();
    assert.deepEqual(settled, [{ ok: true }]);
  });

  it('stays open when a delivery is opened in the turn that closed the last', async () => {
    const { ticket, settled } = issue();
    closeDelivery(ticket);
    openDelivery(ticket);
    await turn();
    assert.deepEqual(settled, []);
    closeDelivery(ticket);
    await turn();
    assert.equal(settled.length, 1);
  });

  it('keeps the first failure', async () => {
    const { ticket, settled } = issue();
    failTicket(ticket, failure);
    failTicket(ticket, { ok: false, kind: 'outage', reason: 'second' });
    closeDelivery(ticket);
    await turn();
    assert.deepEqual(settled, [failure]);
  });

  it('settles a merged group together, with the failure of any member', async () => {
    const [a, b, c] = [issue(), issue(), issue()];
    merge(a.ticket, b.ticket);
    merge(c.ticket, b.ticket);
    assert.equal(head(a.ticket), head(c.ticket));
    failTicket(b.ticket, failure);
    closeDelivery(a.ticket);
    closeDelivery(b.ticket);
    await turn();
    assert.deepEqual([a.settled, b.settled, c.settled], [[], [], []]);
    closeDelivery(c.ticket);
    await turn();
    assert.deepEqual([a.settled, b.settled, c.settled], [[failure], [failure], [failure]]);
  });

  it('does not merge what has settled', async () => {
    const [a, b] = [issue(), issue()];
    closeDelivery(a.ticket);
    await turn();
    merge(a.ticket, b.ticket);
    closeDelivery(b.ticket);
    await turn();
    assert.deepEqual(b.settled, [{ ok: true }]);
  });

  it('settles once, and tells late askers at once', () => {
    const { ticket, settled } = issue();
    settle(ticket, failure);
    settle(ticket, { ok: true });
    assert.deepEqual(settled, [failure]);
    const late: Settled[] = [];
    whenSettled(ticket, it => late.push(it));
    assert.deepEqual(late, [failure]);
  });
});
