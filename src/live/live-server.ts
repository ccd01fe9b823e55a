// A live server: one hub, and every protocol that is spoken to its clients, as one endpoint of the HTTP server.
import { expected, Fault } from '../kernel/fault.ts';
import type { Identify } from '../reading/principal.ts';
import { openAdmission } from './admission.ts';
import { centrifugoCodec } from './centrifugo.ts';
import { type Endpoint, together } from './endpoint.ts';
import { fileEndpoint } from './files.ts';
import type { Hub } from './hub.ts';
import { SUPABASE_PATHS } from './paths.ts';
import { socketEndpoint } from './sockets.ts';
import { socketIoEndpoint } from './socket-io.ts';
import type { SocketIo } from './socket-io-package.ts';
import { sseEndpoint } from './sse.ts';
import { supabaseCodec } from './supabase.ts';
import { broadcastEndpoint } from './supabase-broadcast.ts';
import { createRooms } from './supabase-rooms.ts';

/** What the nodes that publish get of a live server. */
export type LiveServer = { readonly hub: Hub; readonly clients: number };

export type LiveOptions = {
  /** The HTTP server; it has each address once. */
  at: object;
  identify: Identify;
  /** Of the Centrifugo protocol, e.g. `/ws`. */
  path: string;
  /** The other protocols have addresses of their own that their clients insist on; one live server of a gateway has them. */
  others: boolean;
  /** The package socket.io, where it is installed. */
  socketIo?: SocketIo | undefined;
  origins: readonly string[];
  maxConnections: number;
  maxSubscriptions: number;
  /** Bytes that may wait for a client. */
  queueBytes: number;
  pingMs: number;
};

const SUPABASE_FRAME_BYTES = 1024 * 1024;

/** Throws a Fault FIELDLINE_SETTING where another live server has one of its addresses. */
export function openLiveServer(hub: Hub, options: LiveOptions): { endpoint: Endpoint; server: LiveServer } {
  const { at, identify, path, others, socketIo, origins, maxConnections, maxSubscriptions, queueBytes, pingMs } =
    options;
  const release = claim(at, others ? [path, ...SUPABASE_PATHS] : [path]);
  const admission = openAdmission({ identify, origins, maxConnections });
  // All subscriptions of a client come in one frame when it reconnects.
  const maxFrameBytes = Math.max(64, maxSubscriptions / 2) * 1024;
  const codec = centrifugoCodec({ pingMs, maxSubscriptions, queueBytes });
  const endpoints = [socketEndpoint(hub, admission, { paths: [path], codec, maxFrameBytes })];
  if (others) {
    const rooms = createRooms();
    endpoints.push(
      socketEndpoint(hub, admission, {
        paths: SUPABASE_PATHS,
        codec: supabaseCodec(rooms, { queueBytes }),
        maxFrameBytes: SUPABASE_FRAME_BYTES,
      }),
      broadcastEndpoint(rooms, admission),
      sseEndpoint(hub, admission, { queueBytes }),
      fileEndpoint(),
    );
    if (socketIo !== undefined)
      endpoints.push(socketIoEndpoint(hub, admission, socketIo, { maxSubscriptions, queueBytes }));
  }
  const endpoint = together(endpoints);
  return {
    endpoint: {
      ...endpoint,
      close() {
        release();
        return endpoint.close();
      },
    },
    server: {
      hub,
      get clients() {
        return admission.clients;
      },
    },
  };
}

const claimed = new WeakMap<object, Set<string>>();

function claim(at: object, paths: readonly string[]): () => void {
  const taken = claimed.get(at) ?? new Set();
  claimed.set(at, taken);
  const clash = paths.find(path => taken.has(path));
  if (clash !== undefined)
    throw new Fault('FIELDLINE_SETTING', expected('path', 'one that no other live-server has', clash));
  for (const path of paths) taken.add(path);
  return () => {
    for (const path of paths) taken.delete(path);
  };
}
