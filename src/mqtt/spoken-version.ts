// Which version of MQTT a broker is spoken to: 5 first, 3.1.1 where it seems to know no other.
import type { Version } from './client-packets.ts';
import type { End } from './connection.ts';

export type SpokenVersion = {
  readonly current: Version;
  /** A CONNACK has confirmed it. */
  proven(): void;
  /** True: the connection ended over the version, and the other one is worth an attempt at once. */
  ended(at: End['at']): boolean;
};

export function spokenVersion(): SpokenVersion {
  let current: Version = 5;
  // Before a CONNACK, hanging up may mean that the broker does not speak this version.
  let isProven = false;
  // 3.1.1 is only a guess after a hang-up, which may have had other reasons (a proxy before a broker that starts).
  let isGuess = false;

  return {
    get current() {
      return current;
    },
    proven() {
      isProven = true;
    },
    ended(at) {
      // Some brokers answer an unknown version with a return code, others by hanging up.
      if (at === 'version' || (at === 'handshake' && !isProven)) {
        current = current === 5 ? 4 : 5;
        isGuess = at === 'handshake';
        return current === 4;
      }
      if (isGuess && at === 'running') {
        current = 5;
        isProven = false;
      }
      return false;
    },
  };
}
