// The embedded broker in the launcher's process: its journal in the data directory, MQTT over WebSocket on PORT.
import type { IncomingMessage } from 'node:http';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { openJournal } from '../src/delivery/journal.ts';
import { type Broker, brokerLimits, startBroker } from '../src/mqtt/broker.ts';
import type { Address } from './environment.ts';
import type { Upgrade } from './front.ts';
import type { Log } from './log.ts';

export type EmbeddedBroker = { broker: Broker; upgrade: Upgrade; close(): Promise<void> };

/** Resolves when it listens. Rejects with a Fault of code FIELDLINE_PORT_IN_USE when it cannot. */
export async function openEmbeddedBroker(options: {
  directory: string;
  listen: Address;
  /** Login of an MQTT client; left out, everybody who reaches the port may connect. */
  authenticate?: (user: string, password: string, clientId: string) => boolean;
  log: Log;
}): Promise<EmbeddedBroker> {
  const { directory, listen, authenticate, log } = options;
  const journal = await openJournal(path.join(directory, 'broker.journal'));
  const started = startBroker({
    journal,
    ...listen,
    log,
    ...(authenticate && {
      authenticate: (user, password, clientId) => authenticate(user ?? '', password?.toString() ?? '', clientId),
    }),
  });
  const broker = await started.catch(async error => {
    await journal.close();
    throw error;
  });
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: brokerLimits.packetBytes,
    // [MQTT-6.0.0-3]; a client that names no subprotocol is served as well.
    handleProtocols: offered => (offered.has('mqtt') ? 'mqtt' : offered.has('mqttv3.1') ? 'mqttv3.1' : false),
  });
  return {
    broker,
    upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      sockets.handleUpgrade(request, socket, head, accepted =>
        broker.handleWebSocket(createWebSocketStream(accepted), request),
      ),
    async close() {
      await broker.close();
      await journal.close();
    },
  };
}
