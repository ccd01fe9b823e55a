// A broker's answer to CONNECT: why it refuses, or what it allows.
import type { IConnackPacket } from 'mqtt-packet';
import type { Version } from './client-packets.ts';
import { isUnsupportedVersion, reasonText, wordsOf } from './reasons.ts';

/** What the broker takes from us at most; unlimited where it says nothing (3.1.1). */
export type Allowance = { open: number; packetBytes: number; qos: number; retain: boolean };

export type Connack =
  /** version: the peer does not speak this one. */
  | { refused: 'version' | 'refused'; reason: string }
  /** `keepAliveSeconds`: where the server sets another interval [MQTT5-3.2.2-21]. */
  | { allowance: Allowance; keepAliveSeconds: number | undefined };

/** Throws an Error on an answer that no broker may give. */
export function readConnack({ reasonCode, returnCode, properties = {} }: IConnackPacket, version: Version): Connack {
  const code = reasonCode ?? returnCode ?? 0;
  if (code !== 0)
    return {
      refused: version === 5 && isUnsupportedVersion(code) ? 'version' : 'refused',
      reason: reasonText(code, wordsOf(properties)),
    };
  const { receiveMaximum, maximumPacketSize, maximumQoS, retainAvailable, serverKeepAlive } = properties;
  // [MQTT5-3.2.2.3.3, 3.2.2.3.6]: else no message would ever fit.
  if (receiveMaximum === 0 || maximumPacketSize === 0) throw new Error('a CONNACK that allows nothing');
  return {
    allowance: {
      open: receiveMaximum ?? 0xffff,
      packetBytes: maximumPacketSize ?? Infinity,
      qos: maximumQoS ?? 2,
      retain: retainAvailable ?? true,
    },
    keepAliveSeconds: serverKeepAlive,
  };
}
