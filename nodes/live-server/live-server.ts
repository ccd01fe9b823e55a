// live-server: the endpoints for live clients, shared by the nodes that broadcast.
import type { Server } from 'node:http';
import { openDoor } from '../../src/api/door.ts';
import { awayEndpoint } from '../../src/live/away.ts';
import { whenReady } from '../../src/live/endpoint.ts';
import { openLiveServer } from '../../src/live/live-server.ts';
import { defineConfig } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { everybodyViews, type Identify } from '../../src/reading/principal.ts';
import type { Database } from '../../src/store/database.ts';
import { fields } from './fields.ts';
import { openLife } from './life.ts';
import { socketIo } from './socket-io.ts';

/** So long a client is told to come again when the live server is gone: a deploy takes less. */
const REST_MS = 20_000;

export const definition = defineConfig({
  type: 'fieldline-live-server',
  family: 'config',
  summary: 'WebSocket endpoint where browsers and programs subscribe to live channels.',
  labelField: 'path',
  fields,
  start(settings, host) {
    const server = host.server as Server;
    const { path, maxConnections, maxSubscriptions, historyRows } = settings;
    const store = host.config<Database>('store');
    const life = openLife(host, `${host.id} ${historyRows}`, historyRows, store);
    const { endpoint, server: live } = openLiveServer(life.hub, {
      at: server,
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
    const shut = openDoor(server, whenReady(endpoint, life.ready));
    return {
      provides: live,
      async close() {
        shut();
        setTimeout(openDoor(server, awayEndpoint(endpoint.leads)), REST_MS).unref();
        await endpoint.close();
        await life.end();
      },
    };
  },
});

export default nodeRed(definition);
