// Files for browsers: the client /fieldline/live.js with its types, and a page that shows it at work.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Endpoint, pathOf, refuseRequest, refuseUpgrade } from './endpoint.ts';

const folder = path.join(import.meta.dirname, 'browser');
const ROOT = '/fieldline/';

const types: Readonly<Record<string, string>> = {
  'live.js': 'text/javascript; charset=utf-8',
  'live.d.ts': 'text/plain; charset=utf-8',
  'live.html': 'text/html; charset=utf-8',
};

/** The same for everybody, so that no login is asked for; what they show comes over the live protocols, which ask. */
export function fileEndpoint(): Endpoint {
  const contents = new Map<string, Buffer>();
  const nameOf = (url: string): string => url.slice(ROOT.length) || 'live.html';
  return {
    leads: url => url.startsWith(ROOT) && Object.hasOwn(types, nameOf(url)),
    request(request, response) {
      const name = nameOf(pathOf(request));
      const type = types[name];
      const file = path.join(folder, name);
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return refuseRequest(response, 405, 'Method not allowed', { allow: 'GET, HEAD' });
      if (type === undefined || !existsSync(file)) return refuseRequest(response, 404, 'Nothing here');
      const content = contents.get(name) ?? readFileSync(file);
      contents.set(name, content);
      response.writeHead(200, {
        'content-type': type,
        'content-length': content.length,
        'cache-control': 'no-cache',
        'x-content-type-options': 'nosniff',
        // The client may be loaded by a page of another site; that page's socket is checked then.
        'access-control-allow-origin': '*',
      });
      response.end(request.method === 'HEAD' ? undefined : content);
    },
    upgrade: (_request, socket) => refuseUpgrade(socket, 400),
    async close() {},
  };
}
