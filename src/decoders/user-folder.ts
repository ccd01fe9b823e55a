// A user's own decoders: added, changed and removed while the flow runs; a file at fault is named and left out.
import { type FSWatcher, watch } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { reasonOf } from '../kernel/fault.ts';
import { quantity } from '../reading/quantity.ts';
import { type DecoderFile, filesOf, type LoadedDecoder } from './load-folder.ts';
import { clashes, type Registry, registryOf, shippedDecoders } from './registry.ts';
import { type Limits, openUserFiles } from './user-files.ts';

export type UserDecoders = {
  /** Shipped and user decoders as they stand now. */
  registry(): Registry;
  /** File → what is wrong with it. */
  faults(): ReadonlyMap<string, string>;
  /** Reads the folder again; scans never overlap. */
  rescan(): Promise<void>;
  close(): void;
};

// Editors write a file in several steps; one scan sees them all.
const QUIET_MS = 150;
// A watch does not tell of the target of a link, of a network disk, nor of another folder in the place of this one.
const LOOK_MS = 3000;

/**
 * Makes the folder when it is missing. `onScan` is called after each later scan, and when a decoder that had gone through
 * its trial hangs on an advert, with the registry and faults renewed.
 */
export async function openUserDecoders(
  folder: string,
  onScan: () => void = () => {},
  limits?: Limits,
  lookMs = LOOK_MS,
): Promise<UserDecoders> {
  const url = pathToFileURL(folder.endsWith('/') ? folder : `${folder}/`);
  const shipped = await shippedDecoders();
  const user = openUserFiles(leaveOut, limits);
  let registry = registryOf(shipped.map(({ decoder }) => decoder));
  let faults = new Map<string, string>();
  let scans: Promise<void> = Promise.resolve();
  /** The files of the last scan, as they were then. */
  let scanned = '';
  let quiet: NodeJS.Timeout | undefined;
  let watcher: FSWatcher | undefined;
  let closed = false;
  let opened = false;

  async function scan(): Promise<void> {
    try {
      await mkdir(folder, { recursive: true });
      const files = await filesOf(url);
      scanned = namesOf(files);
      const { loaded, faults: wrong } = await user.load(files);
      faults = new Map([...wrong, ...clashes(loaded, shipped)]);
      const own = loaded.filter(({ file }) => !faults.has(file));
      registry = registryOf([...own, ...shipped].map(({ decoder }) => decoder));
    } catch (error) {
      faults = new Map([[folder, `${folder}: ${reasonOf(error)}`]]);
    }
    if (opened && !closed) onScan();
  }
  function leaveOut({ file, decoder }: LoadedDecoder, why: string): void {
    faults.set(file, why);
    registry = registryOf(registry.decoders.filter(one => one !== decoder));
    if (opened && !closed) onScan();
    // One that it stood in the way of has its turn.
    if (faults.size > 1) void rescan();
  }
  function rescan(): Promise<void> {
    scans = scans.then(scan);
    return scans;
  }

  /** Reads at once: what is written to without end would put off a scan that waits for quiet, for ever. */
  async function look(): Promise<void> {
    const files = await filesOf(url).catch(() => []);
    if (!closed && namesOf(files) !== scanned) await rescan();
  }
  function changed(): void {
    clearTimeout(quiet);
    quiet = setTimeout(rescan, QUIET_MS).unref();
  }

  await rescan();
  opened = true;
  const looking = setInterval(look, lookMs).unref();
  try {
    watcher = watch(folder, { persistent: false }, changed);
    watcher.on('error', error => faults.set(folder, `${folder}: ${reasonOf(error)}`));
  } catch (error) {
    faults.set(folder, `${folder}: ${reasonOf(error)}`);
  }
  return {
    registry: () => registry,
    faults: () => faults,
    rescan,
    close() {
      closed = true;
      clearTimeout(quiet);
      clearInterval(looking);
      watcher?.close();
      user.close();
    },
  };
}

/** For a status; undefined where nothing is. */
export function leftOut(faults: ReadonlyMap<string, string>): string | undefined {
  const [first, ...others] = faults.values();
  const more = others.length === 0 ? '' : `; ${quantity(others.length, 'more file')}, see the log`;
  return first && `decoder file left out: ${first}${more}`;
}

function namesOf(files: readonly DecoderFile[]): string {
  return files.map(({ href }) => href).join(' ');
}
