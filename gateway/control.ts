// The door for the command line of the same user: asks a running gateway for copies of the files that only it can read, and what it works with.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { openJournals } from '../src/delivery/journal/journal.ts';
import { expected, Fault, reasonOf } from '../src/kernel/fault.ts';
import type { Environment } from './environment.ts';
import { readJson, writePrivate } from './private-file.ts';

type Note = { port: number; token: string };
const noteIn = (directory: string): string => path.join(directory, 'control.json');

/** What a gateway was given from outside its data directory. */
export type Given = Pick<Environment, 'databaseUrl' | 'secret'>;

/** Listens on loopback; who can read the note in the data directory may ask. */
export async function openControl(directory: string, { databaseUrl, secret }: Given): Promise<() => void> {
  const token = randomBytes(32).toString('base64url');
  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const given = Buffer.from(request.headers.authorization ?? '');
    const wanted = Buffer.from(`Bearer ${token}`);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return answer(401, 'unknown token');
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const asked = request.method === 'POST' ? pathname : undefined;
    if (asked === '/given') return answer(200, { databaseUrl, secret } satisfies Given);
    if (asked !== '/copy-journals') return answer(404, 'unknown request');
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
async function copyJournals(directory: string, to: string): Promise<CopiedJournal[]> {
  const copied: CopiedJournal[] = [];
  for (const [file, journal] of openJournals) {
    const place = path.relative(directory, file);
    if (place.startsWith('..')) continue;
    // Its folder goes with a backup that is stopped, and must not come back.
    if (!existsSync(to)) throw new Error('the backup has ended');
    mkdirSync(path.dirname(path.join(to, place)), { recursive: true, mode: 0o700 });
    copied.push({ place, loss: await journal.copyTo(path.join(to, place)) });
  }
  return copied;
}

/** Asks the gateway that runs on `directory`. Rejects with a Fault that says `what` was wanted of it. */
async function ask<T>(directory: string, what: string, request: string, signal?: AbortSignal): Promise<T> {
  const note = readJson<Note>(noteIn(directory));
  try {
    if (note === undefined) throw new Error('it has no control.json');
    const answer = await fetch(`http://127.0.0.1:${note.port}${request}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${note.token}` },
      signal: signal ?? null,
    });
    const body: unknown = await answer.json();
    if (!answer.ok) throw new Error(String(body));
    return body as T;
  } catch (error) {
    throw new Fault('FIELDLINE_BACKUP', expected(directory, `the gateway to ${what}`, reasonOf(error)));
  }
}

/** What the running gateway was started with: the command line may have another environment. */
export const askForGiven = (directory: string): Promise<Given> =>
  ask(directory, 'say which database it uses', '/given');

/** `loss`: what it lacks, in words, as it was found damaged. */
export type CopiedJournal = { place: string; loss?: string | undefined };

/** The journals of the running gateway, copied to the same paths below `to`. */
export const askForJournals = (directory: string, to: string, signal: AbortSignal): Promise<readonly CopiedJournal[]> =>
  ask(directory, 'copy its journals', `/copy-journals?to=${encodeURIComponent(to)}`, signal);
