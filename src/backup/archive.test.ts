// The backup file: what comes out is what went in, and a file that is not whole is refused with the place where it is not.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { checkArchive, readArchive, writeArchive } from './archive.ts';
import { END, headerOf, paddingOf } from './tar.ts';

describe('backup file', () => {
  let folder: string;
  let file: string;
  let bytes: Buffer;
  const noise = Buffer.from(Array.from({ length: 50_000 }, (_, at) => (at * at * 31) % 251));

  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'fieldline-archive-'));
    file = path.join(folder, 'whole.tar.gz');
    const archive = writeArchive<string>(file, 0);
    await archive.add('files/empty', 0, []);
    await archive.add('files/noise', noise.length, [noise.subarray(0, 7), noise.subarray(7)]);
    assert.deepEqual(archive.written, { path: 'files/noise', bytes: noise.length });
    await archive.finish('all of it');
    bytes = readFileSync(file);
  });
  after(() => rmSync(folder, { recursive: true }));

  it('gives back what it was given, with the share of the file before each member', async () => {
    const told: [string, boolean][] = [];
    const onMember = (place: string, share: number) => told.push([place, share >= 0 && share <= 1]);
    assert.equal(await checkArchive(file, onMember), 'all of it');
    assert.deepEqual(told, [
      ['files/empty', true],
      ['files/noise', true],
      ['manifest.json', true],
    ]);
    const read = new Map<string, Buffer>();
    for await (const { path: place, chunks } of readArchive(file)) {
      const pieces: Buffer[] = [];
      for await (const piece of chunks()) pieces.push(piece);
      read.set(place, Buffer.concat(pieces));
    }
    assert.deepEqual([...read.keys()], ['files/empty', 'files/noise']);
    assert.deepEqual(read.get('files/noise'), noise);
  });

  it('refuses every cut and every changed bit', async () => {
    const harmed = path.join(folder, 'harmed.tar.gz');
    for (let at = 0; at < bytes.length; at += Math.ceil(bytes.length / 60)) {
      // The header of gzip has bytes that say nothing: a time and the system.
      const flip = Math.max(at, 10);
      for (const damaged of [bytes.subarray(0, at), bytes.with(flip, bytes[flip]! ^ (1 << (at % 8)))]) {
        writeFileSync(harmed, damaged);
        await assert.rejects(checkArchive(harmed), { code: 'FIELDLINE_BACKUP' });
      }
    }
  });

  const tarOf = (...members: [string, string][]) =>
    gzipSync(
      Buffer.concat([
        ...members.flatMap(([place, text]) => [
          headerOf({ path: place, size: text.length }, 0),
          ...[Buffer.from(text), paddingOf(text.length)],
        ]),
        END,
      ]),
    );
  /** Links, devices, pipes and folders: `fieldline backup` writes none. */
  function ofKind(type: string): Buffer {
    const tar = gunzipSync(bytes);
    tar.write(type, 156, 'latin1');
    tar.write('        ', 148, 'latin1');
    const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    return gzipSync(tar);
  }
  const manifest = (format: number) => JSON.stringify({ format, about: '', members: 'of another kind' });
  for (const [name, content, reason] of [
    ['is missing', undefined, /ENOENT/],
    ['is empty', () => Buffer.alloc(0), /unexpected end of file at its beginning/],
    ['is no gzip', () => Buffer.from('PK\x03\x04'), /incorrect header check at its beginning/],
    ['is cut in a member', () => bytes.subarray(0, bytes.length >> 1), /unexpected end of file in files\/noise/],
    ['holds half a tar', () => gzipSync(gunzipSync(bytes).subarray(0, 3000)), /an end in files\/noise/],
    [
      'goes on as something else',
      () => gzipSync(Buffer.concat([gunzipSync(bytes).subarray(0, 512), noise])),
      /no archive .* after files\/empty/,
    ],
    ['is a tar of others', () => tarOf(['hello', 'you']), /without a list of its members/],
    [
      'is of a newer program',
      () => tarOf(['manifest.json', manifest(2)]),
      /one of format 2 \(a newer program reads it\)/,
    ],
    ...['1', '2', '3', '6', '5'].map(
      type =>
        [`has a member of kind ${type}`, () => ofKind(type), /files\/empty, which is no file but a link/] as const,
    ),
    ['has a list that is none', () => tarOf(['manifest.json', '{']), /JSON/],
  ] as const)
    it(`names the place where a file ${name}`, async () => {
      const odd = path.join(folder, 'odd.tar.gz');
      rmSync(odd, { force: true });
      if (content !== undefined) writeFileSync(odd, content());
      await assert.rejects(checkArchive(odd), (error: Error) => {
        assert.match(error.message, /odd\.tar\.gz: expected a whole backup file, got/);
        assert.match(error.message, reason);
        return true;
      });
    });

  it('tells which file it could not write, and leaves none', async () => {
    const archive = writeArchive<string>(path.join(folder, 'missing', 'backup.tar.gz'), 0);
    await assert.rejects(
      async () => {
        for (;;) await archive.add('files/noise', noise.length, [noise]);
      },
      { code: 'FIELDLINE_BACKUP', message: /missing\/backup\.tar\.gz: expected to be written, got "ENOENT/ },
    );
    archive.abandon();
  });
});
