// Requests that end before Node-RED: what is not there is 404, what cannot be read says so by the code of its fault.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { unanswered } from '../../gateway/node-red.ts';

const require = createRequire(import.meta.url);

describe('a request that nobody answers', () => {
  let server: http.Server;
  let url = '';
  before(async () => {
    const express = require('express');
    // As Node-RED reads the bodies of what the editor asks.
    const app = express().use(express.json({ limit: 100 }));
    server = http.createServer((request, response) =>
      app(request, response, (error?: unknown) => unanswered(request, response, error)),
    );
    await once(server.listen(0, '127.0.0.1'), 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
  });
  after(() => server.close());

  const table: [name: string, body: string, headers: Record<string, string>, status: number, says: RegExp][] = [
    ['is there nowhere', '{}', {}, 404, /Nothing at \/x/],
    ['is no JSON', 'nul', {}, 400, /JSON/],
    ['is too large', `"${'x'.repeat(200)}"`, {}, 413, /too large/],
    ['is in another alphabet', '{}', { 'content-type': 'application/json; charset=nope' }, 415, /charset/],
    ['is packed in a way of its own', '{}', { 'content-encoding': 'nope' }, 415, /encoding/],
    ['is not packed as it says', '{}', { 'content-encoding': 'gzip' }, 400, /header/],
  ];
  for (const [name, body, headers, status, says] of table)
    it(`that ${name}: ${status}`, async () => {
      const answer = await fetch(url, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json', ...headers },
      });
      assert.equal(answer.status, status);
      assert.match(await answer.text(), says);
    });
});
