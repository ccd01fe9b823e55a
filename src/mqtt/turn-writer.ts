// What is sent in one turn of the event loop leaves as one write.
import type { Duplex } from 'node:stream';

export type TurnWriter = {
  /** `onTaken`: the system has taken it. */
  send(packet: Uint8Array, onTaken?: () => void): void;
  /** At once, not at the end of the turn. */
  flush(): void;
  /** What has not left is dropped, and all that comes. */
  stop(): void;
};

export function turnWriter(stream: Duplex): TurnWriter {
  let packets: Uint8Array[] = [];
  let onTakens: (() => void)[] = [];
  let stopped = false;

  function flush(): void {
    const taken = onTakens;
    if (packets.length > 0 && !stopped)
      stream.write(packets.length === 1 ? packets[0] : Buffer.concat(packets), error => {
        if (!error) for (const tell of taken) tell();
      });
    packets = [];
    onTakens = [];
  }

  return {
    send(packet, onTaken) {
      if (stopped) return;
      if (onTaken !== undefined) onTakens.push(onTaken);
      if (packets.push(packet) === 1) queueMicrotask(flush);
    },
    flush,
    stop() {
      stopped = true;
    },
  };
}
