// live-server: the endpoints for live clients, shared by the nodes that broadcast.
import type { Server } from 'node:http';
import { openDoor } from '../../src/api/door.ts';
import { createHub } from '../../src/live/hub.ts';
import { openLiveServer } from '../../src/live/live-server.ts';
import { restHub, wakeHub } from '../../src/live/resting.ts';
import { defineConfig } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { everybodyViews, type Identify } from '../../src/reading/principal.ts';
import { socketIo } from './socket-io.ts';

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
    others: {
      kind: 'choice',
      label: 'Other protocols',
      help: 'Supabase Realtime, Socket.IO, server-sent events and the browser client; their addresses are fixed, so that one live-server has them.',
      initial: 'on',
      options: [
        ['on', 'at /realtime/v1/websocket, /socket.io/, /sse and /fieldline/live.js'],
        ['off', 'the path above only'],
      ],
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
    const { endpoint, server } = openLiveServer(hub, {
      at: host.server as Server,
      identify: (host.services['identify'] as Identify | undefined) ?? everybodyViews,
      path,
      others: settings.others === 'on',
      socketIo,
      origins: settings.origins.split(/\s+/).filter(origin => origin !== ''),
      maxConnections,
      maxSubscriptions,
      queueBytes: settings.queueMegabytes * 1024 * 1024,
      pingMs: settings.pingSeconds * 1000,
    });
    if (settings.others === 'on' && socketIo === undefined)
      host.log('info', 'Socket.IO is not served: the package socket.io is not installed');
    const shut = openDoor(host.server as Server, endpoint);
    return {
      provides: server,
      async close() {
        shut();
        await endpoint.close();
        restHub(name, hub);
      },
    };
  },
});

export default nodeRed(definition);
