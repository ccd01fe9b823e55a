// What a broker sends after its CONNACK: each packet goes to its hook, and what a broker must not send is refused.
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { SUBSCRIBE_ID } from './client-packets.ts';
import { reasonText, wordsOf } from './reasons.ts';

export type PacketHooks = {
  /** Reason codes in the order of the filters asked for: 0 to 2 granted, 0x80 and above refused. */
  onSuback(codes: readonly number[], reason: string | undefined): void;
  onPublish(packet: IPublishPacket): void;
  onPubrel(packetId: number): void;
  /** Of a publisher: 0x80 and above refuse the message. */
  onPuback?(packetId: number, code: number, reason: string | undefined): void;
};

export type Receiver = {
  /** A SUBSCRIBE with so many filters is on its way: one SUBACK may answer it. */
  subscribing(filters: number): void;
  /** Throws an Error on what a broker must not send. */
  take(packet: Packet): void;
};

export function receiver(hooks: PacketHooks, onDisconnect: (reason: string, code?: number) => void): Receiver {
  let subscribing = 0;
  return {
    subscribing(filters) {
      subscribing = filters;
    },
    take(packet) {
      switch (packet.cmd) {
        case 'publish':
          if (packet.qos > 0 && !((packet.messageId ?? 0) > 0)) throw new Error('a message without packet identifier');
          if (packet.topic === '' || /[+#\0]/.test(packet.topic)) throw new Error('a message whose topic is not valid');
          hooks.onPublish(packet);
          break;
        case 'pubrel':
          hooks.onPubrel(packet.messageId ?? 0);
          break;
        case 'puback':
          if (hooks.onPuback === undefined) throw new Error('puback, although nothing was published');
          hooks.onPuback(packet.messageId ?? 0, packet.reasonCode ?? 0, packet.properties?.reasonString);
          break;
        case 'suback':
          if (packet.messageId !== SUBSCRIBE_ID || packet.granted.length !== subscribing)
            throw new Error('a SUBACK that answers no SUBSCRIBE');
          subscribing = 0;
          hooks.onSuback(packet.granted as number[], packet.properties?.reasonString);
          break;
        case 'disconnect': {
          const reason = reasonText(packet.reasonCode ?? 0, wordsOf(packet.properties));
          onDisconnect(`the broker ended it: ${reason}`, packet.reasonCode);
          break;
        }
        case 'pingresp':
        case 'unsuback':
          break;
        default:
          throw new Error(`${packet.cmd}, which only a client may send`);
      }
    },
  };
}
