// Before a deploy sources pause; they resume with the new flow, or at once when the deploy was refused.
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { drainBeforeDeploy } from '../../gateway/deploys.ts';
import { addSource } from '../../src/palette/drain.ts';

describe('drain before a deploy', () => {
  let events: EventEmitter;
  let server: http.Server;
  let base: string;
  let remove: () => void;
  let calls: string[];
  /** What Node-RED does with the request after the drain. */
  let handle: (response: http.ServerResponse) => void;
  /** How often a start of the flows was waited for. */
  let waits: number;
  const source = new EventEmitter();
  const resumed = () => once(source, 'resume');

  beforeEach(async () => {
    events = new EventEmitter();
    waits = 0;
    events.on('newListener', () => waits++);
    calls = [];
    remove = addSource({
      pause: () => void calls.push('pause'),
      resume() {
        calls.push('resume');
        source.emit('resume');
      },
    });
    const drain = drainBeforeDeploy(events);
    server = http.createServer((request, response) =>
      drain(request, response, (...error: unknown[]) => {
        calls.push(error.length === 0 ? 'deploy' : `error ${error[0]}`);
        handle(response);
      }),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    remove();
    server.close();
  });

  it('resumes when the new flow runs, which is after the answer', async () => {
    handle = response => response.end();
    await (await fetch(`${base}/flows`, { method: 'POST' })).arrayBuffer();
    assert.deepEqual(calls, ['pause', 'deploy']);
    const back = resumed();
    // The server notices the end of the answer on a later turn than the client.
    while (events.listenerCount('flows:started') === 0) await new Promise(setImmediate);
    const poll = setInterval(() => events.emit('flows:started'), 5);
    await back;
    clearInterval(poll);
    assert.deepEqual(calls, ['pause', 'deploy', 'resume']);
  });

  it('resumes with the answer when the flow ran before it', async () => {
    handle = response => {
      events.emit('flows:started');
      response.end();
    };
    const back = resumed();
    await (await fetch(`${base}/flow/abc`, { method: 'PUT' })).arrayBuffer();
    await back;
    assert.deepEqual(calls, ['pause', 'deploy', 'resume']);
    assert.equal(waits, 1, 'for no second start');
  });

  it('resumes at once when the deploy is refused', async () => {
    handle = response => {
      response.statusCode = 409;
      response.end();
    };
    const back = resumed();
    await (await fetch(`${base}/flows`, { method: 'POST' })).arrayBuffer();
    await back;
    assert.deepEqual([waits, events.listenerCount('flows:started')], [1, 0]);
  });

  for (const [method, path] of [
    ['GET', '/flows'],
    ['POST', '/inject/1'],
    ['GET', '/flow/abc'],
    ['POST', '/nodes'],
  ] as const)
    it(`leaves ${method} ${path} alone`, async () => {
      handle = response => response.end();
      await (await fetch(base + path, { method })).arrayBuffer();
      assert.deepEqual(calls, ['deploy']);
    });
});
