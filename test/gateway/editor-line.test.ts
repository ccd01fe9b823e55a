// The line of the editor: what the editor sends gets through and is answered; what would end Node-RED's process does not.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket, WebSocketServer } from 'ws';
import { EDITOR_LINE } from '../../gateway/editor-line.ts';
import { type Front, openFront } from '../../gateway/front.ts';
import { openGate } from '../../gateway/gate.ts';
import { healthBoard } from '../../gateway/health.ts';

describe('the line of the editor', () => {
  let front: Front;
  /** Frames that got through, and the headers that they came with. */
  let seen: string[];
  let headers: Record<string, unknown>;
  const nodeRed = new WebSocketServer({ noServer: true });
  beforeEach(async () => {
    seen = [];
    front = await openFront({ host: '127.0.0.1', port: 0 }, openGate(), healthBoard(), () => undefined);
    front.inner.on('upgrade', (request, socket, head) => {
      headers = request.headers;
      nodeRed.handleUpgrade(request, socket, head, line =>
        line.on('message', data => {
          seen.push(String(data));
          line.send(`[${data}]`);
          if (String(data).includes('bye')) line.close();
        }),
      );
    });
    front.open();
  });
  afterEach(() => front.close());
  const connect = (origin?: string) =>
    new WebSocket(`ws://127.0.0.1:${front.address.port}${EDITOR_LINE}`, { ...(origin && { origin }) });

  it('takes frames of the editor in their order, also those that come before the line is there, and carries its answers', async () => {
    const client = connect();
    const answers: string[] = [];
    client.on('message', data => answers.push(String(data)));
    await once(client, 'open');
    const frames = ['{"auth":"t"}', '{"subscribe":"status/#"}', '{"topic":"a","data":[1]}', '{"subscribe":"bye"}'];
    for (const frame of frames) client.send(frame);
    await once(client, 'close');
    assert.deepEqual(seen, frames);
    assert.deepEqual(
      answers,
      frames.map(frame => `[${frame}]`),
    );
    assert.equal(headers['host'], `127.0.0.1:${front.address.port}`);
  });

  const hostile = [
    ...['null', '5', '"x"', '[', '', '{"auth":{}}', '{"subscribe":5}', '{"topic":[1]}', '{"subscribe":{"replace":1}}'],
    ...['{"subscribe":"a{2,1}"}', `{"subscribe":"${'x'.repeat(100_000)}"}`],
    // As a regular expression this one takes for ever.
    `{"subscribe":"${'+'.repeat(40)}x"}`,
  ];
  for (const frame of hostile)
    it(`refuses ${frame.slice(0, 40)}`, async () => {
      const client = connect();
      await once(client, 'open');
      client.send(frame);
      const [code] = await once(client, 'close');
      assert.equal(code, 1008);
      assert.deepEqual(seen, []);
    });

  it('is not for the pages of other sites', async () => {
    const client = connect('http://evil.example');
    const [error] = await once(client, 'error');
    assert.match(String(error), /403/);
  });
});
