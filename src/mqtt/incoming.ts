// QoS 2 messages of publishers between PUBLISH and PUBREL: remembered, so that a repeated PUBLISH is not journalled twice [MQTT-4.3.3-2].
import type { BrokerJournal } from './store.ts';

export type Incoming = {
  has(clientId: string, packetId: number): boolean;
  /** Note to commit together with the message, so that neither is there without the other after a crash. */
  note(clientId: string, packetId: number): readonly [key: string, value: string];
  add(clientId: string, packetId: number): void;
  /** Resolves when it is forgotten on the disk too: only then may PUBCOMP leave and the identifier be used again. */
  end(clientId: string, packetId: number): Promise<boolean>;
  forget(clientId: string): Promise<void>;
};

const PREFIX = 'incoming:';
// A client id may hold any character but NUL [MQTT-1.5.3-2].
const keyOf = (clientId: string, packetId: number): string => `${PREFIX}${clientId}\0${packetId}`;

/** Takes up what the journal has notes of: QoS 2 messages that were taken and not yet released. */
export function incoming(journal: BrokerJournal): Incoming {
  const open = new Map<string, Set<number>>();
  function add(clientId: string, packetId: number): void {
    const ids = open.get(clientId) ?? new Set();
    open.set(clientId, ids.add(packetId));
  }
  for (const key of journal.notes.keys()) {
    if (!key.startsWith(PREFIX)) continue;
    const [clientId = '', packetId = ''] = key.slice(PREFIX.length).split('\0');
    add(clientId, Number(packetId));
  }
  return {
    has: (clientId, packetId) => open.get(clientId)?.has(packetId) ?? false,
    note: (clientId, packetId) => [keyOf(clientId, packetId), ''],
    add,
    async end(clientId, packetId) {
      if (!open.get(clientId)?.has(packetId)) return false;
      if (journal.notes.has(keyOf(clientId, packetId))) await journal.note(keyOf(clientId, packetId), undefined);
      return open.get(clientId)?.delete(packetId) ?? false;
    },
    async forget(clientId) {
      const ids = open.get(clientId) ?? new Set();
      open.delete(clientId);
      const noted = [...ids].map(id => keyOf(clientId, id)).filter(key => journal.notes.has(key));
      await Promise.all(noted.map(key => journal.note(key, undefined)));
    },
  };
}
