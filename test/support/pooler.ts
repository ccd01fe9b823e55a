// A pooler that hands each transaction to the next of its server connections, as PgBouncer does with pool_mode = transaction.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import pg from 'pg';

export type Pooler = {
  /** Of the same database, through the pooler. */
  readonly url: string;
  close(): Promise<void>;
};

type Server = { client: pg.Client; socket: Socket };

const SSL_REQUEST = 80_877_103;

function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** Calls back with each whole message; those of PostgreSQL begin with a letter and a length. */
function framed(onMessage: (type: string, whole: Buffer) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return chunk => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
      const whole = rest.subarray(0, rest.readInt32BE(1) + 1);
      rest = rest.subarray(whole.length);
      onMessage(String.fromCharCode(whole[0]!), whole);
    }
  };
}

async function connected(url: string): Promise<Server> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  const { stream: socket } = (client as unknown as { connection: { stream: Socket } }).connection;
  // The login was its work; from here on the bytes are those of others.
  socket.removeAllListeners('data');
  return { client, socket };
}

/** Everybody may use it, as the user of `url`. */
export async function startPooler(url: string, connections = 3): Promise<Pooler> {
  const servers = await Promise.all(Array.from({ length: connections }, () => connected(url)));
  const free = [...servers];
  const waiting: ((server: Server) => void)[] = [];
  const release = (server: Server): void => {
    const next = waiting.shift();
    if (next === undefined) free.push(server);
    else next(server);
  };

  function serve(client: Socket): void {
    let server: Server | undefined;
    /** What was asked and not yet answered to the end. */
    let open = 0;
    let asked: Buffer[] = [];
    let isWaiting = false;

    const answer = framed((type, whole) => {
      client.write(whole);
      if (type === 'Z' && --open === 0 && whole[5] === 'I'.charCodeAt(0)) giveBack();
    });
    function giveBack(): void {
      const done = server;
      server = undefined;
      done?.socket.removeListener('data', answer);
      if (done !== undefined) release(done);
    }
    function take(given: Server): void {
      isWaiting = false;
      server = given;
      given.socket.on('data', answer);
      for (const whole of asked.splice(0)) given.socket.write(whole);
    }
    const ask = framed((type, whole) => {
      if (type === 'X') return void client.end();
      if (type === 'Q' || type === 'S') open++;
      if (server !== undefined) return void server.socket.write(whole);
      asked.push(whole);
      if (isWaiting) return;
      isWaiting = true;
      const next = free.shift();
      if (next === undefined) waiting.push(take);
      else take(next);
    });
    client.once('data', function begin(chunk: Buffer) {
      if (chunk.readInt32BE(4) === SSL_REQUEST) {
        client.once('data', begin);
        return void client.write('N');
      }
      client.on('data', ask);
      const accepted = message('R', Buffer.alloc(4));
      client.write(Buffer.concat([accepted, message('K', randomBytes(8)), message('Z', Buffer.from('I'))]));
    });
    client.on('error', () => undefined);
    client.on('close', () => {
      asked = [];
      // What it has left open goes with it.
      if (server !== undefined) server.socket.write(message('Q', Buffer.from('ROLLBACK\0')));
      open++;
    });
  }

  const listener = createServer({ noDelay: true }, serve).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  return {
    url: url.replace(/:\d+\//, `:${port}/`),
    async close() {
      listener.close();
      for (const { socket } of servers) socket.destroy();
    },
  };
}
