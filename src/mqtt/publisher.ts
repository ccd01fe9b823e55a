// MQTT publisher as a sink: a message has arrived with its PUBACK; MQTT 5 first, 3.1.1 where the broker knows no other.
import type { Outcome, Sink } from '../reading/contracts.ts';
import type { End } from './connection.ts';
import { faultOf, type Outgoing, packetOf, settingFault } from './outgoing-packet.ts';
import { isAboutMessage, type Line, type LineOptions, publisherLines } from './publisher-line.ts';
import { reasonText } from './reasons.ts';

export type PublisherOptions = LineOptions & {
  /** Messages on their way at a time; the broker may ask for less. */
  window?: number;
  /** Silence of a broker that owes a PUBACK, after which the connection is given up. */
  answerMs?: number;
};
export type Publisher = Sink<Outgoing> & {
  arrived(row: Outgoing): boolean;
  /** The only message without a PUBACK when the last write failed: a broker of MQTT 3.1.1 cannot say what it has against one. */
  failedAt(): Outgoing | undefined;
  /** How long to leave the broker alone after the connection has ended: two clients of one id would end each other's for ever. */
  restMs(): number;
};

type Waiting = { row: Outgoing; acknowledged(code: number, reason: string | undefined): void };

const LAST_ID = 0xffff;
/** Quota exceeded (MQTT 5 §3.4.2.1): the broker takes it later. */
const QUOTA = 0x97;

/**
 * Connects with the first write, also one of nothing, and stays connected. A write rejects with a Fault of kind `outage` when the connection
 * ends before every PUBACK; messages of it that have arrived are not sent again when the same objects are written again.
 * Throws a Fault FIELDLINE_SETTING when the address is none.
 */
export function publisher(options: PublisherOptions): Publisher {
  const { window = 500, answerMs = 20_000 } = options;
  const lines = publisherLines(options, {
    onPuback: (id, code, reason) => waiting.get(id)?.acknowledged(code, reason),
    onEnded: end => onEnded?.(end),
  });
  const arrived = new WeakSet<Outgoing>();
  /** Messages over which the broker ended the connection. */
  const refused = new WeakMap<Outgoing, string>();
  const waiting = new Map<number, Waiting>();
  let onEnded: ((end: Pick<End, 'reason' | 'code'>) => void) | undefined;
  /** The last connection ended before any PUBACK: one message at a time shows whether one of them ends every connection. */
  let careful = false;
  let [lastId, refusals] = [0, 0];
  let failedAt: Outgoing | undefined;

  function nextId(): number {
    do lastId = (lastId % LAST_ID) + 1;
    while (waiting.has(lastId));
    return lastId;
  }

  /** Sends what has not arrived, in order, and answers when the last PUBACK is there. */
  function send(rows: readonly Outgoing[], to: Line): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = new Array(rows.length).fill('stored');
    const most = careful ? 1 : Math.min(window, to.allowance.open);
    return new Promise((resolve, reject) => {
      let next = 0;
      let acknowledged = 0;
      /** Messages of QoS 0 that the system has not taken yet: bounded, so that the memory does not fill with what the broker does not take. */
      let leaving = 0;
      let patience: NodeJS.Timeout | undefined;
      let isOver = false;
      const finish = (): void => {
        isOver = true;
        clearTimeout(patience);
        onEnded = undefined;
        waiting.clear();
      };
      const fail = (reason: string): void => {
        if (waiting.size === 1) failedAt = [...waiting.values()][0]!.row;
        finish();
        reject(lines.away(reason));
      };
      onEnded = end => {
        if (waiting.size === 1 && isAboutMessage(end)) {
          refused.set([...waiting.values()][0]!.row, end.reason);
          refusals++;
        }
        careful ||= waiting.size > 0 && acknowledged === 0;
        fail(end.reason);
      };
      // The next attempt starts with a new connection: this one has identifiers in use.
      const giveUp = (reason: string): void => {
        fail(reason);
        lines.drop(to);
      };

      function put(row: Outgoing, at: number): void {
        if (row.qos === 0) putOnce(row);
        else putUntilAcknowledged(row, at);
      }
      function putOnce(row: Outgoing): void {
        leaving++;
        to.connection.send(packetOf(row, undefined, to.version), () => {
          arrived.add(row);
          if (isOver) return;
          leaving--;
          patience?.refresh();
          pump();
        });
      }
      function putUntilAcknowledged(row: Outgoing, at: number): void {
        const id = nextId();
        waiting.set(id, {
          row,
          acknowledged(code, reason) {
            if (code === QUOTA) return giveUp(reasonText(code, reason));
            waiting.delete(id);
            acknowledged++;
            patience?.refresh();
            if (code >= 0x80) outcomes[at] = { rejected: `the broker refused it: ${reasonText(code, reason)}` };
            else arrived.add(row);
            pump();
          },
        });
        to.connection.send(packetOf(row, id, to.version));
      }
      function pump(): void {
        for (; next < rows.length && waiting.size + leaving < most; next++) {
          const row = rows[next]!;
          if (arrived.has(row)) continue;
          const fault = refused.get(row) ?? faultOf(row, to.allowance, to.version);
          if (fault === undefined) put(row, next);
          else outcomes[next] = { rejected: fault };
        }
        if (next < rows.length || waiting.size + leaving > 0) return;
        careful = false;
        finish();
        resolve(outcomes);
      }
      patience = setTimeout(
        () => giveUp(`${leaving > 0 ? 'takes nothing' : 'no PUBACK'} within ${answerMs / 1000} s`),
        answerMs,
      );
      pump();
    });
  }

  return {
    async write(rows) {
      failedAt = undefined;
      for (;;) {
        const to = await lines.connected();
        if (rows.length === 0) return [];
        const fault = settingFault(rows, to.allowance);
        if (fault !== undefined) throw lines.away(fault);
        const before = refusals;
        try {
          return await send(rows, to);
        } catch (error) {
          // Without the one that the broker has refused, the others go on at once.
          if (refusals === before) throw error;
        }
      }
    },
    arrived: row => arrived.has(row),
    failedAt: () => failedAt,
    restMs: lines.restMs,
    async close() {
      await lines.close();
      onEnded?.({ reason: 'the node was closed' });
    },
  };
}
