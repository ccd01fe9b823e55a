// Every endpoint that a dialog may ask is guarded: reads by fieldline.read, whatever acts or dials out by fieldline.write and POST only.
import assert from 'node:assert/strict';
import type http from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { definitionOf, nodeNames } from '../../scripts/build.ts';
import { adminOf } from '../../src/palette/admin.ts';
import type { Red } from '../../src/palette/red.ts';

type Guarded = { method: 'get' | 'post'; path: string; permission: string };
type Response = { status(code: number): { end(): void } };
const require = createRequire(import.meta.url);

describe('palette: admin endpoints', () => {
  const found: Guarded[] = [];
  let server: http.Server;
  let url = '';

  before(async () => {
    const express = require('express');
    const app = express();
    const register = (method: 'get' | 'post') => (path: string, guard: { permission: string }, handler: unknown) => {
      found.push({ method, path, permission: guard.permission });
      app[method](path, guard, handler);
    };
    // Nobody has a token.
    const needsPermission = (permission: string) =>
      Object.assign((_request: unknown, response: Response) => response.status(401).end(), { permission });
    const RED = {
      nodes: { getNode: () => undefined, getCredentials: () => undefined },
      settings: {},
      auth: { needsPermission },
      httpAdmin: { get: register('get'), post: register('post') },
    };
    for (const name of nodeNames()) (await definitionOf(name)).admin?.(adminOf(RED as unknown as Red));
    server = app.listen(0, '127.0.0.1');
    await new Promise(resolve => server.once('listening', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());

  it('are there, below /fieldline', () => {
    assert.ok(found.some(({ path }) => path === '/fieldline/timescale-out/preview'));
    for (const { path } of found) assert.match(path, /^\/fieldline\/[a-z-]+/);
  });

  it('ask for the right permission', () => {
    for (const { method, path, permission } of found)
      assert.equal(permission, method === 'get' ? 'fieldline.read' : 'fieldline.write', path);
  });

  it('answer 401 to somebody without it, and nothing acts on GET', async () => {
    for (const { method, path } of found) {
      assert.equal((await fetch(url + path, { method: method.toUpperCase() })).status, 401, path);
      const isAlsoRead = found.some(other => other.path === path && other.method === 'get');
      if (!isAlsoRead) assert.equal((await fetch(url + path)).status, 404, path);
    }
  });

  it('say in plain words that a field is of a type that no dialog sends', async () => {
    const post: Record<string, (request: object, response: object) => void> = {};
    const httpAdmin = {
      get() {},
      post: (path: string, _guard: unknown, run: (typeof post)[string]) => (post[path] = run),
    };
    const RED = { nodes: {}, settings: {}, auth: { needsPermission() {} }, httpAdmin };
    adminOf(RED as unknown as Red).act('fieldline/x', ({ body }) => String((body as { id: unknown }).id));
    for (const id of [{ toString: 1 }, JSON.parse('['.repeat(20_000) + ']'.repeat(20_000))]) {
      const said = await new Promise(resolve =>
        post['/fieldline/x']?.(
          { body: { id } },
          { status: (code: number) => ({ json: (told: object) => resolve({ code, ...told }) }) },
        ),
      );
      const { code, error } = said as { code: number; error: string };
      assert.equal(code, 400);
      assert.match(error, /^no body of a dialog: ./);
    }
  });
});
