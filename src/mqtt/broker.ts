// The embedded MQTT 3.1.1 broker: aedes, whose PUBACK and PUBREC wait until the message is on the disk.
import type { IncomingMessage } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Aedes, Client } from 'aedes';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { expected, Fault, reasonOf } from '../kernel/fault.ts';
import { count } from '../kernel/metrics.ts';
import { filterFault } from '../kernel/topic.ts';
import { audience } from './audience.ts';
import { type JournalBroker, journalConsumers } from './consumers.ts';
import { frameGuard } from './frames.ts';
import { incoming } from './incoming.ts';
import { journalPersistence } from './persistence.ts';
import { publishGate } from './publish-gate.ts';
import { retained } from './retained.ts';
import { sessions } from './sessions.ts';
import type { BrokerJournal } from './store.ts';

export type BrokerLimits = {
  packetBytes: number;
  clients: number;
  /** Bytes of a topic or a topic filter. */
  topicBytes: number;
  /** Filters of one client. */
  filters: number;
  /** Durable sessions and in-process consumers together. */
  durable: number;
  retained: { count: number; bytes: number };
};
export const brokerLimits: BrokerLimits = {
  packetBytes: 1 << 20,
  clients: 1000,
  topicBytes: 1024,
  filters: 200,
  durable: 1000,
  retained: { count: 10_000, bytes: 16 << 20 },
};

export type BrokerOptions = {
  journal: BrokerJournal;
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Answers whether this client may connect; everybody may where it is left out. */
  authenticate?(
    username: string | undefined,
    password: Buffer | undefined,
    clientId: string,
  ): boolean | Promise<boolean>;
  limits?: Partial<BrokerLimits>;
  /** A durable session nobody used for so long is dropped with what is kept for it. 7 days unless set. */
  sessionExpirySeconds?: number;
  /** Between two looks for sessions that have expired. A minute unless set. */
  sweepMs?: number;
  /** Unacknowledged messages on the way to one durable session; 3.1.1 itself knows no bound. */
  window?: number;
  clock?: Clock;
  log?(level: 'info' | 'warn' | 'error', text: string): void;
};

export type BrokerState = {
  clients: number;
  sessions: number;
  consumers: number;
  retained: number;
  journal: ReturnType<BrokerJournal['state']>;
};

export type Broker = JournalBroker & {
  readonly host: string;
  readonly port: number;
  /** Serves MQTT over an accepted WebSocket (`createWebSocketStream` of ws, subprotocol `mqtt`). */
  handleWebSocket(stream: Duplex, request?: IncomingMessage): void;
  state(): BrokerState;
  /** Stops listening and ends every connection; the journal stays open, its owner closes it. */
  close(): Promise<void>;
};

/** Restores sessions, filters and retained messages from the journal, then listens. Rejects with FIELDLINE_PORT_IN_USE. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { journal, host, clock = systemClock, log = () => {} } = options;
  const { sessionExpirySeconds = 7 * 86_400, sweepMs = 60_000 } = options;
  const limits: BrokerLimits = { ...brokerLimits, ...options.limits };
  const members = audience(journal, clock);
  const kept = retained(journal, limits.retained);
  const arriving = incoming(journal);
  const durable = sessions(journal, members, options.window ?? 500);
  const filtersOf = new WeakMap<Client, Set<string>>();

  /** Why a client may not connect. */
  function refusalOf(clientId: string, clean: boolean): string | undefined {
    if (aedes.connectedClients >= limits.clients)
      return expected('mqtt broker', `at most ${limits.clients} clients`, aedes.connectedClients + 1);
    if (Buffer.byteLength(clientId) > limits.topicBytes)
      return expected('mqtt broker', `a client id of at most ${limits.topicBytes} bytes`, clientId);
    // It is part of the receipts of messages, which are kept as text.
    if (clientId.includes('\0')) return expected('mqtt broker', 'a client id without U+0000 [MQTT-1.5.3-2]', clientId);
    // A clean session takes no durable place, one that is known has its own.
    if (clean || members.get('session', clientId) !== undefined) return undefined;
    const taken = members.count('session') + members.count('consumer');
    return taken < limits.durable
      ? undefined
      : expected('mqtt broker', `at most ${limits.durable} durable sessions`, clientId);
  }

  const allowed = (filter: string): boolean =>
    Buffer.byteLength(filter) <= limits.topicBytes && filterFault(filter) === undefined;

  // Present in the gateway only; a bare palette ships this file but never calls it.
  const { Aedes: AedesClass } = await import('aedes');
  const aedes: Aedes = await AedesClass.createBroker({
    concurrency: 1000,
    // A clean session that stops reading is cut off after this; until then aedes itself would wait for it.
    drainTimeout: 1000,
    connectTimeout: 10_000,
    persistence: journalPersistence({
      audience: members,
      sessions: durable,
      retained: kept,
      incoming: arriving,
      allowed,
      sessionExpirySeconds,
    }),
    preConnect(_client, packet, done) {
      const refusal = refusalOf(packet.clientId ?? '', packet.clean ?? false);
      done(refusal === undefined ? null : new Error(refusal), refusal === undefined);
    },
    authenticate(client, username, password, done) {
      const answer = options.authenticate?.(username, password, client.id) ?? true;
      // No error: aedes then answers with return code 5, not authorized [MQTT-3.2.2].
      Promise.resolve(answer).then(
        ok => done(null, ok),
        () => done(null, false),
      );
    },
    authorizePublish: publishGate({
      journal,
      audience: members,
      sessions: durable,
      retained: kept,
      incoming: arriving,
      clock,
      topicBytes: limits.topicBytes,
    }),
    authorizeSubscribe(client, subscription, done) {
      const own = filtersOf.get(client) ?? new Set();
      filtersOf.set(client, own);
      const room = own.has(subscription.topic) || own.size < limits.filters;
      if (!allowed(subscription.topic) || !room) return done(null, null);
      own.add(subscription.topic);
      done(null, subscription);
    },
    authorizeForward: (client, packet) => durable.forward(client, packet),
  });

  aedes.on('clientReady', client => {
    // A session without filters counts and expires as well: it may hold QoS 2 messages.
    if (!client.clean && members.get('session', client.id) === undefined)
      members
        .put('session', client.id, new Map(), sessionExpirySeconds)
        .catch(error => log('error', `mqtt broker: ${reasonOf(error)}`));
    durable.attach(client);
  });
  aedes.on('clientDisconnect', client => durable.detach(client));
  aedes.on('unsubscribe', (filters, client) => {
    for (const filter of filters) filtersOf.get(client)?.delete(filter);
  });
  const complain = (client: Client, error: Error): void => {
    count('fieldline_broker_client_faults_total');
    log('warn', `mqtt broker: ${client.id ?? 'a client before CONNECT'}: ${reasonOf(error)}`);
  };
  aedes.on('clientError', complain);
  aedes.on('connectionError', complain);
  (aedes as NodeJS.EventEmitter).on('error', error => log('error', `mqtt broker: ${reasonOf(error)}`));

  const streams = new Set<Duplex>();
  function serve(stream: Duplex, request?: IncomingMessage): void {
    streams.add(stream);
    stream.once('close', () => streams.delete(stream));
    guardFrames(stream, limits.packetBytes);
    aedes.handle(stream, request);
  }

  const server = createServer((socket: Socket) => {
    socket.setNoDelay(true);
    serve(socket);
  });
  server.maxConnections = limits.clients + 100;
  const sweep = setInterval(() => {
    for (const reader of members.expire()) {
      const [, clientId] = /^session:(.*)$/s.exec(reader) ?? [];
      if (clientId !== undefined) {
        durable.forget(clientId);
        void arriving.forget(clientId).catch(() => {});
      }
      log('warn', `mqtt broker: ${reader} was not used for longer than its expiry and is forgotten`);
    }
  }, sweepMs).unref();

  const closeAedes = (): Promise<void> => new Promise(resolve => aedes.close(() => resolve()));
  let port: number;
  try {
    port = await listen(server, host, options.port);
  } catch (error) {
    clearInterval(sweep);
    await closeAedes();
    throw error;
  }

  return {
    host,
    port,
    handleWebSocket: serve,
    ...journalConsumers({ journal, audience: members, retained: kept, allowed, limit: limits.durable }),
    state: () => ({
      clients: aedes.connectedClients,
      sessions: members.count('session'),
      consumers: members.count('consumer'),
      retained: kept.size,
      journal: journal.state(),
    }),
    async close() {
      clearInterval(sweep);
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      await closeAedes();
      for (const stream of streams) stream.destroy();
      await closed;
    },
  };
}

/** aedes buffers a packet whole, however large it says it is: here its length is looked at first. */
function guardFrames(stream: Duplex, packetBytes: number): void {
  const guard = frameGuard(packetBytes);
  const read = stream.read.bind(stream);
  stream.read = size => {
    const chunk = read(size) as Buffer | null;
    const fault = chunk === null ? undefined : guard(chunk);
    if (fault === undefined) return chunk;
    stream.destroy(new Error(fault));
    return null;
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const at = `${host}:${port}`;
      const [code, text] =
        error.code === 'EADDRINUSE'
          ? (['FIELDLINE_PORT_IN_USE', expected('mqtt broker', `a free address ${at}`, 'one in use')] as const)
          : (['FIELDLINE_SETTING', expected('mqtt broker', `an address to listen on, ${at}`, error.message)] as const);
      reject(new Fault(code, text, { cause: error }));
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
