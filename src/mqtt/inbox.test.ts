// Tests of what a subscriber has received and not acknowledged: order, reconnects, QoS 2, identifiers used again.
import assert from 'node:assert/strict';
import { type Arrived, type Inbox, inbox } from './inbox.ts';

const message = (packetId: number, content = `m${packetId}`, qos: 0 | 1 | 2 = 1): Arrived => ({
  qos,
  packetId,
  digest: content,
});
const hex = (packet: Uint8Array): string => Buffer.from(packet).toString('hex');

describe('inbox', () => {
  let sent: string[];
  let room: number;
  let box: Inbox;
  beforeEach(() => {
    sent = [];
    room = 0;
    box = inbox(
      packet => sent.push(hex(packet)),
      () => room++,
    );
    box.connected(false);
  });
  const reconnect = (present = true): void => {
    box.disconnected();
    sent = [];
    box.connected(present);
  };
  /** Offers a message as the subscriber does: known, or taken. */
  const offer = (one: Arrived): (() => void) | 'known' => (box.recognise(one) ? 'known' : box.take(one));
  const settle = (given: (() => void) | 'known'): void => {
    assert.notEqual(given, 'known');
    (given as () => void)();
  };

  it('acknowledges in order of receipt, each once', () => {
    const [a, b, c] = [1, 2, 0x1234].map(id => offer(message(id)));
    settle(c!);
    settle(c!);
    settle(b!);
    assert.deepEqual(sent, []);
    settle(a!);
    assert.deepEqual(sent, ['40020001', '40020002', '40021234']);
    assert.equal(box.open, 0);
  });

  it('keeps QoS 1 and 2 in one order', () => {
    const a = offer(message(1, 'a', 2));
    const b = offer(message(2, 'b', 1));
    settle(b);
    assert.deepEqual(sent, []);
    settle(a);
    assert.deepEqual(sent, ['50020001', '40020002']);
    box.pubrel(1);
    assert.deepEqual(sent.slice(2), ['70020001']);
  });

  it('counts QoS 0 as open until it has settled, and acknowledges nothing', () => {
    const a = offer(message(0, '', 0));
    const b = offer(message(0, '', 0));
    assert.equal(box.open, 2);
    settle(a);
    settle(a);
    settle(b);
    assert.equal(box.open, 0);
    assert.equal(room, 2);
    assert.deepEqual(sent, []);
  });

  it('re-attaches after a reconnect what is still out, and acknowledges it on the new connection', () => {
    const a = offer(message(1));
    const b = offer(message(2));
    reconnect();
    assert.equal(box.open, 2);
    assert.equal(offer(message(1)), 'known');
    assert.equal(offer(message(2)), 'known');
    settle(b);
    settle(a);
    assert.deepEqual(sent, ['40020001', '40020002']);
    assert.equal(box.open, 0);
  });

  it('acknowledges at once what settled while there was no connection', () => {
    const a = offer(message(1));
    box.disconnected();
    settle(a);
    assert.deepEqual(sent, []);
    assert.equal(box.open, 0);
    box.connected(true);
    assert.equal(offer(message(1)), 'known');
    assert.deepEqual(sent, ['40020001']);
  });

  it('keeps what was open over several reconnects', () => {
    const a = offer(message(1));
    reconnect();
    reconnect();
    assert.equal(offer(message(1)), 'known');
    reconnect();
    assert.equal(offer(message(1)), 'known');
    settle(a);
    assert.deepEqual(sent, ['40020001']);
  });

  it('takes another message under an identifier that the broker gave up', () => {
    const old = offer(message(1, 'old'));
    reconnect();
    const fresh = offer(message(1, 'new'));
    settle(old);
    assert.deepEqual(sent, []);
    settle(fresh);
    assert.deepEqual(sent, ['40020001']);
    assert.equal(box.open, 0);
  });

  it('forgets everything when the broker has no session', () => {
    const old = offer(message(1));
    reconnect(false);
    assert.equal(box.open, 0);
    const again = offer(message(1));
    settle(old);
    assert.deepEqual(sent, []);
    settle(again);
    assert.deepEqual(sent, ['40020001']);
  });

  it('does not take a QoS 2 message twice before its PUBREL', () => {
    settle(offer(message(1, 'a', 2)));
    assert.deepEqual(sent, ['50020001']);
    reconnect();
    assert.equal(offer(message(1, 'a', 2)), 'known');
    assert.deepEqual(sent, ['50020001']);
    box.pubrel(1);
    box.pubrel(1);
    assert.deepEqual(sent.slice(1), ['70020001', '70020001']);
    assert.notEqual(offer(message(1, 'a', 2)), 'known');
  });

  it('passes over a copy on the same connection and refuses an identifier used twice', () => {
    const a = offer(message(1));
    assert.equal(offer(message(1)), 'known');
    assert.throws(() => box.recognise(message(1, 'other')), /used for two messages/);
    settle(a);
    assert.deepEqual(sent, ['40020001']);
  });
});
