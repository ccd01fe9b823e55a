// Door: takes the requests and WebSocket upgrades of certain paths off a server before anybody else there reads them.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** Whoever stands here asks for credentials of its own: nobody before it needs to. */
export type Door = {
  /** By path alone, as it stands in the URL. */
  leads(path: string): boolean;
  request(request: IncomingMessage, response: ServerResponse): void;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
};

const doors = new WeakMap<Server, Door[]>();
/** Whoever takes an upgrade has answered it by then. */
const UNTAKEN_MS = 2000;

/** The path of a request as it was sent: not decoded, without query and fragment. */
export function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split(/[?#]/, 1)[0]!;
}

function doorOf(server: Server, request: IncomingMessage): Door | undefined {
  const path = pathOf(request);
  return doors.get(server)?.findLast(door => door.leads(path));
}

/** Does a door take this request? A gate before the server lets it pass then. */
export function hasDoor(server: Server, request: IncomingMessage): boolean {
  return doorOf(server, request) !== undefined;
}

/** Opens a door until the returned function is called; where two lead to one path, the later one does. */
export function openDoor(server: Server, door: Door): () => void {
  const open = doors.get(server) ?? [];
  if (!doors.has(server)) {
    doors.set(server, open);
    divert(server);
  }
  open.push(door);
  return () => void open.splice(open.indexOf(door), 1);
}

/**
 * Java's client and curl offer HTTP/2 with each request; nobody here takes that up, and the request counts as it is (RFC 9110
 * §7.8). Node before 24.9 cannot tell it from a WebSocket.
 */
export function upgradeOnlyWebSockets(server: Server): void {
  const shouldUpgradeCallback = ({ headers }: IncomingMessage) => /^websocket$/i.test(headers.upgrade ?? '');
  Object.assign(server, { shouldUpgradeCallback });
}

/**
 * Once for each server, before any of its listeners, whenever those came: Node-RED's editor reads the body of every
 * request it hears of, before it finds that none of its routes is meant.
 */
function divert(server: Server): void {
  upgradeOnlyWebSockets(server);
  // Node speaks of upgrades only to a server where somebody listens; what nobody else takes ends here.
  server.on('upgrade', (_request: IncomingMessage, socket: Duplex) => {
    if (server.listenerCount('upgrade') === 1) socket.destroy();
  });
  const emit = server.emit.bind(server) as (event: string | symbol, ...values: unknown[]) => boolean;
  server.emit = (event: string | symbol, ...values: unknown[]): boolean => {
    if (event !== 'request' && event !== 'upgrade') return emit(event, ...values);
    const request = values[0] as IncomingMessage;
    const door = doorOf(server, request);
    if (door === undefined) {
      if (event === 'upgrade') endUntaken(request);
      return emit(event, ...values);
    }
    if (event === 'request') door.request(...(values as Parameters<Door['request']>));
    else door.upgrade(...(values as Parameters<Door['upgrade']>));
    return true;
  };
}

/**
 * Node-RED ends an upgrade that no node takes, where nothing was ever written to the line. On a connection that was kept from
 * an earlier request something was: the client would wait for ever.
 */
function endUntaken({ socket }: IncomingMessage): void {
  const before = socket.bytesWritten;
  const late = setTimeout(() => {
    if (socket.bytesWritten === before) socket.destroy();
  }, UNTAKEN_MS);
  socket.once('close', () => clearTimeout(late));
}
