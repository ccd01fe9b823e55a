// Keep alive of a connection: pings the peer, and notices one that no longer answers [MQTT-3.1.2-24].

export type KeepAlive = {
  start(seconds: number): void;
  /** Something came from the peer. */
  heard(): void;
  /** The peer is not listened to: its silence proves nothing until `heard`. */
  deaf(): void;
  stop(): void;
};

/** Twice in each interval, whatever else goes on: the peer must never think that we are gone. */
export function keepAlive(ping: () => void, onSilence: () => void): KeepAlive {
  let timer: NodeJS.Timeout | undefined;
  let heard = true;
  let isDeaf = false;

  function beat(): void {
    if (!heard && !isDeaf) {
      onSilence();
      return;
    }
    heard = isDeaf;
    ping();
  }

  return {
    start(seconds) {
      if (seconds > 0) timer = setInterval(beat, seconds * 500);
    },
    heard() {
      heard = true;
      isDeaf = false;
    },
    deaf() {
      isDeaf = true;
    },
    stop: () => clearInterval(timer),
  };
}
