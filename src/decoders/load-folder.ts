// Finds and loads the decoder files of a folder: the shipped ones and a user's own by the same rules, errors per file.
import { readdir, stat } from 'node:fs/promises';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reasonOf } from '../kernel/fault.ts';
import type { AdvertDecoder } from './define.ts';

export type LoadedDecoder = { file: string; decoder: AdvertDecoder };
export type LoadedFolder = {
  loaded: readonly LoadedDecoder[] /** file name → what is wrong with it */;
  faults: ReadonlyMap<string, string>;
};

const DECODER_FILE = /^[^._].*\.(?:[cm]?js|m?ts)$/;
const NO_DECODER_FILE = /\.(?:test\.[cm]?[jt]s|d\.[cm]?ts)$/;

/** `href` changes with the file, and with any of the helpers in sub-folders: which of them it uses is not known. */
export type DecoderFile = { file: string; href: string };

/** Files directly in the folder export a decoder as `decoder` or as default; sub-folders are for their helpers. */
export async function loadFolder(folder: URL): Promise<LoadedFolder> {
  const loaded: LoadedDecoder[] = [];
  const faults = new Map<string, string>();
  for (const { file, href } of await filesOf(folder))
    try {
      loaded.push({ file, decoder: await decoderOf(href) });
    } catch (error) {
      faults.set(file, `${file}: ${reasonOf(error)}`);
    }
  return { loaded, faults };
}

export async function filesOf(folder: URL): Promise<DecoderFile[]> {
  const names = (await readdir(folder, { recursive: true })).filter(name => !name.includes('node_modules'));
  const files = names.filter(name => DECODER_FILE.test(name) && !NO_DECODER_FILE.test(name) && !isBelow(name)).sort();
  const helpers = await Promise.all(names.filter(isBelow).map(name => changedAt(urlOf(name, folder))));
  const helped = Math.max(0, ...helpers);
  return Promise.all(
    files.map(async file => {
      const url = urlOf(file, folder);
      url.searchParams.set('changed', String(Math.max(helped, await changedAt(url))));
      return { file, href: url.href };
    }),
  );
}

const isBelow = (name: string): boolean => name.includes(sep);
const urlOf = (name: string, folder: URL): URL => new URL(name.split(sep).map(encodeURIComponent).join('/'), folder);

/** Not the time of its content: a copy may keep that of another file, and a file become readable without a change of it. */
async function changedAt(url: URL): Promise<number> {
  return stat(url).then(
    ({ ctimeMs }) => ctimeMs,
    () => 0,
  );
}

/** Throws what is wrong with the file. */
export async function decoderOf(href: string): Promise<AdvertDecoder> {
  const module = await imported(href);
  const whole = module['default'];
  // Of a CommonJS file all exports are the default.
  const candidate = module['decoder'] ?? (whole as { decoder?: unknown } | undefined)?.decoder ?? whole;
  const wrong = shapeFault(candidate);
  if (wrong !== undefined) throw new Error(wrong);
  return candidate as AdvertDecoder;
}

/** Node's own words name the file that imports, which is this one, and do not say what to do about the kind of a module. */
async function imported(href: string): Promise<Record<string, unknown>> {
  const there = await stat(fileURLToPath(href)).catch((error: NodeJS.ErrnoException) => error);
  if (there instanceof Error)
    throw ['ENOENT', 'ELOOP'].includes(there.code ?? '') ? new Error('is a link that leads nowhere') : there;
  if (!there.isFile()) throw new Error('is no file, but a folder or a device');
  try {
    return await import(href);
  } catch (error) {
    for (const [kind, says] of KINDS) {
      const [reason] = kind.exec(reasonOf(error)) ?? [];
      if (reason !== undefined) throw new Error(`${reason}; ${says}`);
    }
    throw error;
  }
}

const KINDS: readonly [kind: RegExp, says: string][] = [
  [/^.*in ES module scope/, 'Node reads this file as an ES module: write "export const decoder = …", or name it .cjs'],
  [
    /^.*(?:Unexpected token 'export'|Cannot use import statement outside a module)/,
    'Node reads this file as CommonJS: write "exports.decoder = …", or name it .mjs',
  ],
];

/** Why the export of a file is no decoder, or undefined. User files may come without types, so all is looked at. */
function shapeFault(candidate: unknown): string | undefined {
  if (typeof candidate !== 'object' || candidate === null)
    return 'expected an export named "decoder" or a default export';
  const it = candidate as Record<string, unknown>;
  if (typeof it['name'] !== 'string' || !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(it['name']))
    return 'name: expected lower-case letters, digits and dashes';
  for (const text of ['vendor', 'source']) if (typeof it[text] !== 'string') return `${text}: expected text`;
  for (const method of ['matches', 'decode'])
    if (typeof it[method] !== 'function') return `${method}: expected a function`;
  if (!Array.isArray(it['models']) || it['models'].some(model => typeof model !== 'string'))
    return 'models: expected a list of texts';
  if (it['keys'] !== undefined && !(Array.isArray(it['keys']) && it['keys'].every(key => typeof key === 'string')))
    return 'keys: expected a list of texts';
  if (!Array.isArray(it['examples']) || it['examples'].length === 0) return 'examples: expected at least one';
  return it['examples'].every(isExample) ? undefined : 'examples: each needs name, advert and gives or rejects';
}

function isExample(example: unknown): boolean {
  if (typeof example !== 'object' || example === null) return false;
  const it = example as Record<string, unknown>;
  const outcome = typeof it['rejects'] === 'string' || (typeof it['gives'] === 'object' && it['gives'] !== null);
  return typeof it['name'] === 'string' && typeof it['advert'] === 'object' && outcome;
}
