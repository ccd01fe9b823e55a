// The backup file: a gzipped tar whose last member lists all others with their digests, so that a cut or changed one is found out.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { expected, Fault, reasonOf } from '../kernel/fault.ts';
import { END, headerOf, type Member, membersIn, paddingOf } from './tar.ts';

/** Raised when an older program could not read a newer file. */
export const FORMAT = 1;
const MANIFEST = 'manifest.json';

type Listed = { path: string; size: number; sha256: string };
/** `about`: what the writer has to say of the whole. */
type Manifest<About> = { format: number; members: readonly Listed[]; about: About };

export type ArchiveWriter<About> = {
  /** `size` bytes in pieces; a source that gives more or fewer is an error. */
  add(path: string, size: number, pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void>;
  /** Ends it; the file gets its name only when all of it is on the disk. */
  finish(about: About): Promise<void>;
  /** Ends it without a result. */
  abandon(): void;
};

/** Written under another name first, readable by its owner alone: it holds secrets. */
export function writeArchive<About>(file: string, now: number): ArchiveWriter<About> {
  const draft = `${file}.partial`;
  const gzip = createGzip({ level: 3 });
  const output = gzip.pipe(createWriteStream(draft, { mode: 0o600 }));
  const members: Listed[] = [];
  let failure: Error | undefined;
  for (const stream of [gzip, output])
    stream.on('error', (error: Error) => {
      failure ??= error;
      gzip.destroy();
      output.destroy();
    });

  async function put(bytes: Uint8Array): Promise<void> {
    if (failure === undefined && !gzip.write(bytes)) {
      const waited = new AbortController();
      const { signal } = waited;
      await Promise.race([once(gzip, 'drain', { signal }), once(output, 'close', { signal })]).catch(() => undefined);
      waited.abort();
    }
    if (failure !== undefined) throw failure;
  }
  async function add(
    path: string,
    size: number,
    pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<void> {
    const hash = createHash('sha256');
    let written = 0;
    await put(headerOf({ path, size }, now));
    for await (const piece of pieces) {
      written += piece.length;
      if (written > size) break;
      hash.update(piece);
      await put(piece);
    }
    if (written !== size) throw new Error(`${path} changed while it was read`);
    await put(paddingOf(size));
    members.push({ path, size, sha256: hash.digest('hex') });
  }

  return {
    add,
    async finish(about) {
      const text = Buffer.from(`${JSON.stringify({ format: FORMAT, about, members } satisfies Manifest<About>)}\n`);
      await add(MANIFEST, text.length, [text]);
      await put(END);
      gzip.end();
      if (!output.closed) await Promise.race([once(output, 'close'), once(output, 'error')]);
      if (failure !== undefined) throw failure;
      const handle = await open(draft, 'r+');
      await handle.sync();
      await handle.close();
      await rename(draft, file);
    },
    abandon() {
      gzip.destroy();
      output.destroy();
    },
  };
}

/** Members in order, the list of them left out. Rejects with a Fault when the file is none of ours or ends early. */
export async function* readArchive(file: string): AsyncGenerator<Member> {
  try {
    for await (const member of membersIn(createReadStream(file).pipe(createGunzip())))
      if (member.path !== MANIFEST) yield member;
  } catch (error) {
    throw error instanceof Fault ? error : bad(file, reasonOf(error));
  }
}

/** Reads all of it and compares each member with the list; answers what the writer said. Rejects with a Fault. */
export async function checkArchive<About>(file: string): Promise<About> {
  const found = new Map<string, Listed>();
  let manifest: Manifest<About> | undefined;
  try {
    const input = createReadStream(file);
    const unpacked = createGunzip();
    input.on('error', error => unpacked.destroy(error));
    for await (const { path, size, chunks } of membersIn(input.pipe(unpacked))) {
      const hash = createHash('sha256');
      const pieces: Buffer[] = [];
      for await (const piece of chunks()) {
        hash.update(piece);
        if (path === MANIFEST) pieces.push(piece);
      }
      if (path === MANIFEST) manifest = JSON.parse(Buffer.concat(pieces).toString()) as Manifest<About>;
      else found.set(path, { path, size, sha256: hash.digest('hex') });
    }
  } catch (error) {
    throw bad(file, reasonOf(error));
  }
  if (manifest === undefined) throw bad(file, 'one without a list of its members');
  if (manifest.format !== FORMAT) throw bad(file, `one of format ${manifest.format}, which this program does not know`);
  for (const { path, size, sha256 } of manifest.members) {
    const it = found.get(path);
    if (it?.size !== size || it.sha256 !== sha256) throw bad(file, `one whose ${path} is missing or was changed`);
  }
  if (found.size !== manifest.members.length) throw bad(file, 'one with members that it does not list');
  return manifest.about;
}

function bad(file: string, got: string): Fault {
  return new Fault('FIELDLINE_BACKUP', expected(file, 'a whole backup file', got));
}
