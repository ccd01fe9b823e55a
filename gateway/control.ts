// The door for the command line of the same user: asks a running gateway for copies of the files that only it can read.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { openJournals } from '../src/delivery/journal.ts';
import { expected, Fault, reasonOf } from '../src/kernel/fault.ts';
import { readJson, writePrivate } from './private-file.ts';

type Note = { port: number; token: string };
const noteIn = (directory: string): string => path.join(directory, 'control.json');

/** Listens on loopback; who can read the note in the data directory may ask. */
export async function openControl(directory: string): Promise<() => void> {
  const token = randomBytes(32).toString('base64url');
  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const given = Buffer.from(request.headers.authorization ?? '');
    const wanted = Buffer.from(`Bearer ${token}`);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return answer(401, 'unknown token');
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    if (request.method !== 'POST' || pathname !== '/copy-journals') return answer(404, 'unknown request');
    copyJournals(directory, searchParams.get('to') ?? '').then(
      copied => answer(200, copied),
      (error: unknown) => answer(500, reasonOf(error)),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  writePrivate(noteIn(directory), `${JSON.stringify({ port: (server.address() as AddressInfo).port, token })}\n`);
  return () => {
    rmSync(noteIn(directory), { force: true });
    server.close();
    server.closeAllConnections();
  };
}

/** In the order of their making: what leaves one journal for another is in one of the two copies at least. */
async function copyJournals(directory: string, to: string): Promise<string[]> {
  const copied: string[] = [];
  for (const [file, journal] of openJournals) {
    const place = path.relative(directory, file);
    if (place.startsWith('..')) continue;
    // Its folder goes with a backup that is stopped, and must not come back.
    if (!existsSync(to)) throw new Error('the backup has ended');
    mkdirSync(path.dirname(path.join(to, place)), { recursive: true, mode: 0o700 });
    await journal.copyTo(path.join(to, place));
    copied.push(place);
  }
  return copied;
}

/** Asks the gateway that runs on `directory`; answers the paths of its journals, copied to the same paths below `to`. */
export async function askForJournals(directory: string, to: string): Promise<readonly string[]> {
  const note = readJson<Note>(noteIn(directory));
  try {
    if (note === undefined) throw new Error('it has no control.json');
    const answer = await fetch(`http://127.0.0.1:${note.port}/copy-journals?to=${encodeURIComponent(to)}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${note.token}` },
    });
    const body: unknown = await answer.json();
    if (!answer.ok) throw new Error(String(body));
    return body as string[];
  } catch (error) {
    throw new Fault('FIELDLINE_BACKUP', expected(directory, 'the gateway to copy its journals', reasonOf(error)));
  }
}
