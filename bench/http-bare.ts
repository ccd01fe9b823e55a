// What a POST costs at least on this machine: a bare Node server that answers after one INSERT of the body. A process of its own.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

export type BareServer = { url: string; close(): Promise<void> };

/** Started with `DATABASE_URL`, which has to be there; its rows go into a table of their own. */
export async function startBareServer(databaseUrl: string): Promise<BareServer> {
  const child = fork(fileURLToPath(import.meta.url), { env: { ...process.env, DATABASE_URL: databaseUrl } });
  const [port] = (await once(child, 'message')) as [number];
  return {
    url: `http://127.0.0.1:${port}/`,
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}

async function serve(databaseUrl: string | undefined): Promise<void> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 });
  // The figure ends the database at last.
  pool.on('error', () => undefined);
  await pool.query('CREATE TABLE IF NOT EXISTS bench_bare (at timestamptz DEFAULT now(), body jsonb)');
  const insert = { name: 'insert', text: 'INSERT INTO bench_bare (body) VALUES ($1)' };
  const server = createServer(async (request, response) => {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      await pool.query({ ...insert, values: [JSON.parse(Buffer.concat(chunks).toString())] });
      response.end('{}');
    } catch {
      response.writeHead(503).end();
    }
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve(process.env['DATABASE_URL']);
