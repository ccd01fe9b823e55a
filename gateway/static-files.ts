// Files for browsers over slow lines: packed on their way, and kept by browsers where their name tells their content.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type BrotliCompress, constants, createBrotliCompress, createGzip, type Gzip } from 'node:zlib';

/** As express.static and sendFile send files, and nothing else here: with a tag and the time of their last change. */
const isFile = (response: ServerResponse): boolean =>
  response.hasHeader('last-modified') &&
  response.hasHeader('etag') &&
  !response.hasHeader('set-cookie') &&
  (response.statusCode === 200 || response.statusCode === 304);

// What the editor asks for of installed palettes, over a megabyte: the same for everybody, with no word of the request in it.
const OF_PALETTES = /^\/(nodes|icons|locales\/[^?]*)(\?|$)/;

const PACKABLE =
  /^(text\/(?!event-stream)|image\/svg|font\/(ttf|otf)|application\/([\w.+-]*(javascript|json|xml)|vnd\.ms-fontobject|wasm))/;
/** One packet takes this much anyway. */
const LEAST_BYTES = 1400;

// Names with a digest of their content, as bundlers give them, and addresses with one of the version, as the editor gives them.
const NAMED_BY_CONTENT = /\/assets\/[^/?]+-[\w-]{8}\.\w+$/;
const NAMED_BY_VERSION = /\?v=[0-9a-f]{12}$/;
const FOR_EVER = 'public, max-age=31536000, immutable';

type Packer = BrotliCompress | Gzip;

/** Brotli at 5 packs a script about as fast as gzip does, and smaller. */
function packerFor(accepted: string): { coding: string; packer: Packer } | undefined {
  if (accepts(accepted, 'br'))
    return { coding: 'br', packer: createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }) };
  return accepts(accepted, 'gzip') ? { coding: 'gzip', packer: createGzip() } : undefined;
}

function accepts(accepted: string, coding: string): boolean {
  return accepted.split(',').some(one => {
    const [name = '', quality = 'q=1'] = one.split(';').map(part => part.trim().toLowerCase());
    return name === coding && Number(quality.replace('q=', '')) > 0;
  });
}

/**
 * To be called before a request is answered. Answers that are no files go as they are: what is made for one user may hold
 * secrets, which the length of a packed answer would tell, and streams must not wait.
 */
export function packFiles(request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') return;
  // Express changes it on its way.
  const url = request.url ?? '';
  const plain = {
    writeHead: response.writeHead.bind(response) as (...given: unknown[]) => ServerResponse,
    write: response.write.bind(response) as (...given: unknown[]) => boolean,
    end: response.end.bind(response) as (...given: unknown[]) => ServerResponse,
  };
  let isBegun = false;
  let packer: Packer | undefined;
  const begin = (): void => {
    if (isBegun) return;
    isBegun = true;
    const isKnown = isFile(response);
    if (isKnown && (NAMED_BY_CONTENT.test(url) || NAMED_BY_VERSION.test(url)))
      response.setHeader('cache-control', FOR_EVER);
    if (isKnown || OF_PALETTES.test(url)) packer = packed(request, response);
    if (packer !== undefined) join(packer, response, plain);
  };
  response.writeHead = (...given: unknown[]) => {
    begin();
    return plain.writeHead(...given);
  };
  response.write = (...given: unknown[]) => {
    begin();
    if (packer === undefined) return plain.write(...given);
    return (packer.write as (...given: unknown[]) => boolean).apply(packer, given);
  };
  response.end = (...given: unknown[]) => {
    begin();
    if (packer === undefined) return plain.end(...given);
    (packer.end as (...given: unknown[]) => unknown).apply(packer, given);
    return response;
  };
}

/** Undefined where the body goes as it is. */
function packed(request: IncomingMessage, response: ServerResponse): Packer | undefined {
  const length = Number(response.getHeader('content-length'));
  if (response.statusCode !== 200 || !(length >= LEAST_BYTES) || response.hasHeader('content-encoding'))
    return undefined;
  if (!PACKABLE.test(String(response.getHeader('content-type') ?? ''))) return undefined;
  // What a cache keeps of this address is not for everybody.
  response.appendHeader('vary', 'Accept-Encoding');
  if (request.method === 'HEAD') return undefined;
  const chosen = packerFor(String(request.headers['accept-encoding'] ?? ''));
  if (chosen === undefined) return undefined;
  response.setHeader('content-encoding', chosen.coding);
  response.removeHeader('content-length');
  response.removeHeader('accept-ranges');
  return chosen.packer;
}

/** What was packed goes to the response, as fast as the client takes it; whoever writes waits for the packer. */
function join(
  packer: Packer,
  response: ServerResponse,
  plain: { write(chunk: Buffer): boolean; end(): ServerResponse },
): void {
  packer.on('data', (chunk: Buffer) => {
    if (!plain.write(chunk)) packer.pause();
  });
  packer.on('end', () => plain.end());
  packer.on('drain', () => response.emit('drain'));
  packer.on('error', () => response.destroy());
  response.on('drain', () => packer.resume());
  response.once('close', () => packer.destroy());
}
