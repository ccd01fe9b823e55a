// For tests of ingest over WebSocket: a scene and one client at a time, made anew for each test.
/// <reference types="mocha" />
import { once } from 'node:events';
import WebSocket from 'ws';
import { openScene, type Scene } from './ingest.fixture.ts';
import type { IngestSocketOptions } from './ingest-socket.ts';

export const flow = (more: object = {}) => ({ device_id: 'd', flow_rate: 1, ...more });
export type Line = {
  id: unknown;
  ok?: boolean;
  stored?: number;
  error?: { status: number; errors?: object[] };
  retry_after?: number;
};

/** Adds the hooks to the suite that calls it; its members are those of the test that runs. */
export function onSocket() {
  let scene: Scene;
  let client: WebSocket;
  beforeEach(async () => {
    scene = await openScene();
  });
  afterEach(async () => {
    client.terminate();
    await scene.close();
  });
  const connect = (headers: Record<string, string>): WebSocket => {
    client = new WebSocket(`${scene.url.replace('http', 'ws')}/ws/ingest`, { headers });
    return client.on('error', () => {});
  };
  const next = async (): Promise<Line> => JSON.parse(String((await once(client, 'message'))[0])) as Line;
  return {
    get scene() {
      return scene;
    },
    get client() {
      return client;
    },
    /** The same scene with other settings. */
    async reopen(socket: Partial<IngestSocketOptions>): Promise<void> {
      await scene.close();
      scene = await openScene({ socket });
    },
    async open(headers: Record<string, string> = {}): Promise<void> {
      await once(connect(headers), 'open');
    },
    next,
    ask(frame: unknown): Promise<Line> {
      const answer = next();
      client.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
      return answer;
    },
    /** Status of the answer; undefined when it was let in. */
    refusedWith: (headers: Record<string, string>): Promise<number | undefined> =>
      new Promise(resolve => {
        connect(headers)
          .once('unexpected-response', (_request, response) => resolve(response.statusCode))
          .once('open', () => resolve(undefined));
      }),
  };
}
