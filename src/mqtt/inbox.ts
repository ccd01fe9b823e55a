// What a durable subscriber has received and not yet acknowledged, over reconnects: who is new, who is known, what is due.
import { digest } from '../kernel/bytes.ts';
import { type Ordered, ordered } from '../kernel/ordered.ts';

export type Arrived = { qos: 0 | 1 | 2; packetId: number; digest: string };
type Item = Arrived & { settled: boolean; number: number };

export type Inbox = {
  /** A connection stands. Without a session the broker has forgotten everything, and so do we. */
  connected(sessionPresent: boolean): void;
  disconnected(): void;
  /**
   * True when the message is out already: it is not to be emitted again, its acknowledgement follows on this connection.
   * Throws an Error when the peer uses a packet identifier twice at a time.
   */
  recognise(message: Arrived): boolean;
  /** Takes a new message; call the answer when it has settled. */
  take(message: Arrived): () => void;
  pubrel(packetId: number): void;
  /** Messages out and not acknowledged, QoS 0 ones out and not settled included. */
  readonly open: number;
};

const PUBACK = 0x40;
const PUBREC = 0x50;
const PUBCOMP = 0x70;

/** Identity of a message beside its packet identifier; `content` is the digest of its payload. */
export function messageDigest(topic: string, content: string): string {
  return digest(`${content} ${topic}`);
}

/**
 * `send` writes an acknowledgement on the connection that stands now; `onRoom` is called when `open` went down.
 * Acknowledgements leave in the order in which the messages were received on that connection [MQTT-4.6.0-2, -3].
 */
export function inbox(send: (packet: Uint8Array) => void, onRoom: () => void): Inbox {
  // Received on this connection and not acknowledged, by packet identifier; and on earlier ones, waiting to come again.
  const current = new Map<number, Item>();
  const earlier = new Map<number, Item>();
  // QoS 2: PUBREC is sent, PUBREL has not come. The identifier stands for the same message until then.
  const received = new Set<number>();
  let order: Ordered = ordered(() => {});
  let line: Item[] = [];
  let unsettledEarlier = 0;
  let openQos0 = 0;

  // Reason code 0 may be left out, so that the same four bytes serve both versions [MQTT5-3.4.2.1].
  const answer = (type: number, id: number): void => send(Uint8Array.of(type, 2, id >> 8, id & 0xff));

  function begin(): void {
    line = [];
    order = ordered(() => {
      const item = line.shift() as Item;
      current.delete(item.packetId);
      if (item.qos === 2) received.add(item.packetId);
      answer(item.qos === 2 ? PUBREC : PUBACK, item.packetId);
    });
  }
  function enter(item: Item): void {
    item.number = order.take();
    line.push(item);
    current.set(item.packetId, item);
  }
  function settle(item: Item): void {
    if (item.settled) return;
    item.settled = true;
    if (current.get(item.packetId) === item) order.settle(item.number);
    else if (earlier.get(item.packetId) === item) unsettledEarlier--;
    onRoom();
  }
  function dropEarlier(item: Item): void {
    earlier.delete(item.packetId);
    if (!item.settled) unsettledEarlier--;
  }

  begin();
  return {
    connected(sessionPresent) {
      begin();
      if (sessionPresent) return;
      earlier.clear();
      received.clear();
      unsettledEarlier = 0;
    },
    disconnected() {
      for (const item of current.values()) {
        earlier.set(item.packetId, item);
        if (!item.settled) unsettledEarlier++;
      }
      current.clear();
      begin();
    },
    recognise(message) {
      if (message.qos === 0) return false;
      const { packetId } = message;
      const now = current.get(packetId);
      if (now !== undefined) {
        if (now.digest === message.digest) return true;
        throw new Error(`packet identifier ${packetId} is used for two messages at a time`);
      }
      if (message.qos === 2 && received.has(packetId)) {
        answer(PUBREC, packetId);
        return true;
      }
      const before = earlier.get(packetId);
      if (before === undefined) return false;
      dropEarlier(before);
      // Another message under this identifier: the broker has given the earlier one up.
      if (before.digest !== message.digest || before.qos !== message.qos) return false;
      enter(before);
      if (before.settled) order.settle(before.number);
      return true;
    },
    take(message) {
      const item: Item = { ...message, settled: false, number: 0 };
      if (message.qos > 0) {
        enter(item);
        return () => settle(item);
      }
      openQos0++;
      return () => {
        if (item.settled) return;
        item.settled = true;
        openQos0--;
        onRoom();
      };
    },
    pubrel(packetId) {
      received.delete(packetId);
      answer(PUBCOMP, packetId);
    },
    get open() {
      return current.size + unsettledEarlier + openQos0;
    },
  };
}
