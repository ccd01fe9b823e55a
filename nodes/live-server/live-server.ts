// live-server: the WebSocket endpoint for live clients (Centrifugo client protocol v2), shared by the nodes that broadcast.
import type { IncomingMessage, Server } from 'node:http';
import { centrifugoCodec } from '../../src/live/centrifugo.ts';
import { createHub } from '../../src/live/hub.ts';
import { restHub, wakeHub } from '../../src/live/resting.ts';
import { type Authorize, attachSocket, type LiveServer } from '../../src/live/socket.ts';
import { defineConfig } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';

export const definition = defineConfig({
  type: 'fieldline-live-server',
  family: 'config',
  summary: 'WebSocket endpoint where browsers and programs subscribe to live channels.',
  labelField: 'path',
  fields: {
    path: {
      kind: 'text',
      label: 'Path',
      help: 'Where clients connect, on the port of Node-RED.',
      initial: '/ws',
      pattern: '^/[\\w./-]+$',
      says: 'a path such as /ws',
    },
    origins: {
      kind: 'text',
      label: 'Other sites',
      help: 'Origins of other web sites whose pages may connect, separated by spaces; * for any. Pages of this server always may.',
      initial: '',
      optional: true,
      pattern: '^(\\*|https?://[^\\s/]+(\\s+https?://[^\\s/]+)*)$',
      says: 'origins such as https://scada.example',
    },
    maxConnections: {
      kind: 'number',
      label: 'Most clients',
      help: 'Further clients are refused until one leaves.',
      initial: 1000,
      min: 1,
      max: 100000,
      integer: true,
    },
    maxSubscriptions: {
      kind: 'number',
      label: 'Most channels',
      help: 'Channels that one client may subscribe to at once.',
      initial: 128,
      min: 1,
      max: 10000,
      integer: true,
    },
    queueMegabytes: {
      kind: 'number',
      label: 'Queue',
      unit: 'MB',
      help: 'What may wait for one client; a client that takes less is sent away and resumes when it is back.',
      initial: 4,
      min: 0.1,
      max: 256,
    },
    historyRows: {
      kind: 'number',
      label: 'History',
      unit: 'rows',
      help: 'Rows kept in memory for clients that were away for a moment.',
      initial: 10000,
      min: 0,
      max: 1000000,
      integer: true,
    },
    pingSeconds: {
      kind: 'number',
      label: 'Ping',
      unit: 's',
      help: 'A client that answers neither of two pings is gone.',
      initial: 25,
      min: 1,
      max: 3600,
    },
  },
  start(settings, host) {
    const { path, maxConnections, maxSubscriptions, historyRows } = settings;
    const name = `${host.id} ${historyRows}`;
    const hub = wakeHub(name, () => createHub({ historyRows }));
    const codec = centrifugoCodec({
      pingMs: settings.pingSeconds * 1000,
      maxSubscriptions,
      queueBytes: settings.queueMegabytes * 1024 * 1024,
    });
    const origins = settings.origins.split(/\s+/).filter(origin => origin !== '');
    const authorize = authorizeBy(host.services['authorize']);
    // All subscriptions of a client come in one frame when it reconnects.
    const maxFrameBytes = Math.max(64, maxSubscriptions / 2) * 1024;
    const limits = { maxConnections, maxFrameBytes };
    const socket = attachSocket(host.server as Server, hub, { path, codec, origins, authorize, ...limits });
    const provides: LiveServer = {
      hub,
      get clients() {
        return socket.clients;
      },
    };
    return {
      provides,
      async close() {
        await socket.close();
        restHub(name, hub);
      },
    };
  },
});

/** The gateway's login where there is one; in a bare palette everybody who reaches the port is a viewer. */
function authorizeBy(check: unknown): Authorize | undefined {
  if (typeof check !== 'function') return undefined;
  return async (request: IncomingMessage, token: string) => {
    // A browser cannot set headers on a WebSocket, so that its token comes with `connect`.
    if (token !== '') request.headers.authorization ??= `Bearer ${token}`;
    return (await check(request)) === true ? { role: 'viewer' } : undefined;
  };
}

export default nodeRed(definition);
