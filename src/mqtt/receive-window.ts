// Window of a subscriber: hands messages out while there is room; one that comes beyond it is held, and the socket rests.
import type { IPublishPacket } from 'mqtt-packet';
import { digest } from '../kernel/bytes.ts';
import { type Inbox, messageDigest } from './inbox.ts';

/** A message that is handed out. `content`: digest of its bytes; `identity`: of topic and bytes, '' with QoS 0. */
export type Received = { packet: IPublishPacket; bytes: Buffer; content: string; identity: string };

export type WindowHooks = {
  handOut(message: Received, settle: () => void): void;
  /** Whether frames are wanted. */
  read(on: boolean): void;
  /** Nothing more comes before something settles. */
  onFull(full: boolean): void;
  /** How many open messages the broker stops at. */
  brokerMost(): number;
};

export type ReceiveWindow = {
  onPublish(packet: IPublishPacket): void;
  /** Something has settled. */
  roomMade(): void;
  pause(): void;
  resume(): void;
  /** What is held is forgotten: the broker sends it again. */
  disconnected(): void;
};

// Bytes handed out and not yet settled; one message always fits.
const WINDOW_BYTES = 32 << 20;

/** `most`: messages handed out and not yet settled. */
export function receiveWindow(box: Inbox, most: number, hooks: WindowHooks): ReceiveWindow {
  // The one message that was read beyond the window; the socket rests until it can be handed out.
  let held: IPublishPacket | undefined;
  let openBytes = 0;
  let full = false;
  let refilling = false;
  let paused = false;

  const isFull = (): boolean => box.open >= most || openBytes >= WINDOW_BYTES;

  function tellFull(): void {
    const now = openBytes >= WINDOW_BYTES || box.open >= hooks.brokerMost();
    if (now === full) return;
    full = now;
    hooks.onFull(now);
  }

  function onPublish(packet: IPublishPacket): void {
    const { topic, qos, messageId = 0 } = packet;
    const bytes = packet.payload as Buffer;
    const content = digest(bytes);
    const identity = qos > 0 ? messageDigest(topic, content) : '';
    const arrived = { qos, packetId: messageId, digest: identity };
    if (box.recognise(arrived)) return;
    if (paused || isFull()) {
      held = packet;
      hooks.read(false);
      return;
    }
    const release = box.take(arrived);
    let size = bytes.length;
    openBytes += size;
    const settle = (): void => {
      openBytes -= size;
      size = 0;
      release();
    };
    hooks.handOut({ packet, bytes, content, identity }, settle);
    tellFull();
  }

  function refill(): void {
    refilling = false;
    tellFull();
    if (paused || isFull()) return;
    const packet = held;
    held = undefined;
    if (packet !== undefined) onPublish(packet);
    if (held === undefined) hooks.read(true);
  }

  return {
    onPublish,
    // Deferred, so that a batch which settles in one turn makes room for a batch and not for one message at a time.
    roomMade() {
      if (refilling) return;
      refilling = true;
      queueMicrotask(refill);
    },
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      refill();
    },
    disconnected() {
      held = undefined;
    },
  };
}
