// The backup file: a gzipped tar whose last member lists all others with their digests, so that a cut or changed one is found out.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
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
  /** The member that is being written, and the bytes of all so far. */
  readonly written: Readonly<{ path: string; bytes: number }>;
};

/** Written under another name first, readable by its owner alone: it holds secrets. */
export function writeArchive<About>(file: string, now: number): ArchiveWriter<About> {
  const draft = `${file}.partial`;
  const gzip = createGzip({ level: 3 });
  const output = gzip.pipe(createWriteStream(draft, { mode: 0o600 }));
  const members: Listed[] = [];
  const total = { path: '', bytes: 0 };
  let failure: Fault | undefined;
  for (const stream of [gzip, output])
    stream.on('error', (error: Error) => {
      failure ??= new Fault('FIELDLINE_BACKUP', expected(file, 'to be written', reasonOf(error)));
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
    total.path = path;
    await put(headerOf({ path, size }, now));
    for await (const piece of pieces) {
      written += piece.length;
      if (written > size) break;
      hash.update(piece);
      await put(piece);
      total.bytes += piece.length;
    }
    if (written !== size) throw new Error(`${path} changed while it was read`);
    await put(paddingOf(size));
    members.push({ path, size, sha256: hash.digest('hex') });
  }

  return {
    add,
    written: total,
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

/** Told of each member before it is read, what share of the file lies before it, and how many bytes it has. */
export type OnMember = (path: string, share: number, size: number) => void;

async function* membersOf(file: string, onMember: OnMember = () => undefined): AsyncGenerator<Member> {
  const handle = await open(file);
  const { size } = await handle.stat();
  const input = handle.createReadStream();
  const unpacked = createGunzip();
  input.on('error', error => unpacked.destroy(error));
  try {
    for await (const member of membersIn(input.pipe(unpacked))) {
      onMember(member.path, input.bytesRead / size, member.size);
      yield member;
    }
  } finally {
    input.destroy();
  }
}

/** Members in order, the list of them left out. Rejects with a Fault when the file is none of ours or ends early. */
export async function* readArchive(file: string, onMember?: OnMember): AsyncGenerator<Member> {
  try {
    for await (const member of membersOf(file, onMember)) if (member.path !== MANIFEST) yield member;
  } catch (error) {
    throw error instanceof Fault ? error : bad(file, reasonOf(error));
  }
}

/** Reads all of it and compares each member with the list; answers what the writer said. Rejects with a Fault. */
export async function checkArchive<About>(file: string, onMember?: OnMember): Promise<About> {
  const found = new Map<string, Listed>();
  let manifest: Manifest<About> | undefined;
  try {
    for await (const { path, size, chunks } of membersOf(file, onMember)) {
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
  if (manifest.format !== FORMAT) throw bad(file, `one of format ${manifest.format} (a newer program reads it)`);
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
