// Addresses of the live protocols that their clients insist on.
/** The second is that of its server without a gateway before it. */
export const SUPABASE_PATHS = ['/realtime/v1/websocket', '/socket/websocket'];
export const BROADCAST_PATH = /^\/realtime\/v1\/api\/broadcast(?:\/([^/]+)\/events\/([^/]+))?\/?$/;
export const SOCKET_IO_PATH = '/socket.io';
export const SSE_PATH = '/sse';
/** Where the Centrifugo protocol is spoken unless a live server says otherwise. */
export const USUAL_PATH = '/ws';

export function isSocketIo(path: string): boolean {
  return path === SOCKET_IO_PATH || path.startsWith(`${SOCKET_IO_PATH}/`);
}

export function isLive(path: string): boolean {
  return [USUAL_PATH, SSE_PATH, ...SUPABASE_PATHS].includes(path) || BROADCAST_PATH.test(path) || isSocketIo(path);
}
