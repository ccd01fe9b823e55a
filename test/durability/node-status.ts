// What an operator sees under the nodes in the editor: their status texts, over the editor's own WebSocket.
import { once } from 'node:events';
import { WebSocket } from 'ws';

export type NodeStatus = {
  /** Resolves with the text as soon as the status of the node matches; rejects with the last one after `limitMs`. */
  matching(id: string, pattern: RegExp, limitMs?: number): Promise<string>;
  /** The last text of the node, undefined before the first. */
  last(id: string): string | undefined;
  close(): void;
};

type Comms = { topic?: string; data?: { text?: string } };

/** Of a gateway whose editor is open. */
export async function watchStatus(url: string): Promise<NodeStatus> {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/comms`);
  await once(socket, 'open');
  const texts = new Map<string, string>();
  const changed = new Set<() => void>();
  socket.on('message', data => {
    const messages = [JSON.parse(data.toString())].flat() as Comms[];
    for (const { topic, data: status } of messages)
      if (topic?.startsWith('status/')) texts.set(topic.slice('status/'.length), status?.text ?? '');
    for (const look of changed) look();
  });
  socket.send(JSON.stringify({ subscribe: 'status/#' }));
  return {
    matching: (id, pattern, limitMs = 100_000) =>
      new Promise((resolve, reject) => {
        const limit = setTimeout(() => {
          changed.delete(look);
          reject(new Error(`status of ${id}: expected ${pattern}, got ${JSON.stringify(texts.get(id))}`));
        }, limitMs);
        const look = () => {
          const text = texts.get(id);
          if (text === undefined || !pattern.test(text)) return;
          changed.delete(look);
          clearTimeout(limit);
          resolve(text);
        };
        changed.add(look);
        look();
      }),
    last: id => texts.get(id),
    close: () => socket.terminate(),
  };
}
