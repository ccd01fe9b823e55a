// The public Supabase clients against a hub of our own: connected, joined to channels, and what they hear.
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { RealtimeClient } from '@supabase/realtime-js';
import { WebSocket } from 'ws';
import { signToken, readToken } from '../kernel/token.ts';
import type { Identify } from '../reading/principal.ts';
import { openAdmission } from './admission.ts';
import { together } from './endpoint.ts';
import { createHub, type Hub } from './hub.ts';
import { type Served, visited } from './live.fixture.ts';
import { socketEndpoint } from './sockets.ts';
import { broadcastEndpoint } from './supabase-broadcast.ts';
import { createRooms } from './supabase-rooms.ts';
import { supabaseCodec } from './supabase.ts';

const SECRET = 'a secret of the tests';
export type Change = { eventType: string; new: Record<string, unknown>; old: Record<string, unknown>; errors: unknown };

/** Tokens decide; any other text is the public key that everybody has. */
const identify: Identify = (request, given) => {
  const token = given ?? (request.headers['apikey'] as string | undefined) ?? '';
  if (token === 'wrong') return { refused: 'unknown key' };
  if (!token.startsWith('eyJ')) return { role: 'viewer' };
  const claims = readToken(token, SECRET, Date.now());
  if ('refused' in claims) return claims;
  return { role: claims.role, org: claims.org_id, subject: claims.sub, expiresAt: claims.exp * 1000 };
};

export function tokenOf(org: string, seconds = 3600): string {
  return signToken({ sub: 'u', org_id: org, role: 'viewer', exp: Math.floor(Date.now() / 1000) + seconds }, SECRET);
}

export type Supabase = {
  /** What is published to it goes to the clients of the test. */
  readonly hub: Hub;
  /** Cuts every line, as a network does. */
  cut(): void;
  realtime(vsn?: string, apikey?: string, options?: object): RealtimeClient;
  supabase(key?: string): SupabaseClient;
};

/** To be called in a `describe`: each of its tests has a server of its own, and leaves no client. */
export function onSupabase(): Supabase {
  let hub: Hub;
  let served: Served;
  const place = visited<{ disconnect(): unknown }>(client => void client.disconnect());

  beforeEach(async () => {
    hub = createHub();
    const admission = openAdmission({ identify });
    const rooms = createRooms();
    const endpoint = together([
      socketEndpoint(hub, admission, {
        paths: ['/realtime/v1/websocket'],
        codec: supabaseCodec(rooms),
        maxFrameBytes: 1e6,
      }),
      broadcastEndpoint(rooms, admission),
    ]);
    served = await place.serve(hub, endpoint);
  });

  function realtime(vsn = '2.0.0', apikey = 'anon', options: object = {}): RealtimeClient {
    const client = new RealtimeClient(`ws://${served.at}/realtime/v1`, {
      params: { apikey },
      vsn,
      transport: WebSocket as never,
      reconnectAfterMs: () => 20,
      ...options,
    } as never);
    place.joined(client);
    return client;
  }

  function supabase(key = 'anon'): SupabaseClient {
    const client = createClient(`http://${served.at}`, key, {
      realtime: { transport: WebSocket as never },
      auth: { persistSession: false, autoRefreshToken: false },
    });
    place.joined(client.realtime);
    return client;
  }

  return {
    get hub() {
      return hub;
    },
    cut: () => served.cut(),
    realtime,
    supabase,
  };
}

export type Asked = { event: string; schema?: string; table?: string; filter?: string; select?: string[] };

/** Joins with one binding and collects its changes; resolves when the server has said that rows will come, or why not. */
export function follow(client: RealtimeClient | SupabaseClient, topic: string, ...asked: Asked[]) {
  const changes: Change[] = [];
  const statuses: string[] = [];
  const notes: string[] = [];
  const channel = client.channel(topic);
  for (const one of asked)
    channel.on('postgres_changes' as never, one as never, ((change: Change) => changes.push(change)) as never);
  channel.on('system' as never, {} as never, ((note: { message: string }) => notes.push(note.message)) as never);
  const told = new Promise<void>(resolve => {
    channel.subscribe((status: string, error?: Error) => {
      statuses.push(error === undefined ? status : `${status}: ${error.message}`);
      if (status !== 'SUBSCRIBED') resolve();
    });
    channel.on('system' as never, {} as never, (() => resolve()) as never);
  });
  return { channel, changes, statuses, notes, told };
}
