// A user's own decoders: added, changed and removed while the flow runs; a file at fault is named and left out.
import { type FSWatcher, watch } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { reasonOf } from '../kernel/fault.ts';
import { type LoadedDecoder, loadFolder } from './load-folder.ts';
import { clashes, exampleFault, type Registry, registryOf, shippedDecoders } from './registry.ts';
import { openTrial } from './trial.ts';

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

/** Makes the folder when it is missing. `onScan` is called after each later scan, with the registry and faults renewed. */
export async function openUserDecoders(
  folder: string,
  onScan: () => void = () => {},
  /** How long a file may take to be tried, in ms. */
  limit?: number,
): Promise<UserDecoders> {
  const url = pathToFileURL(folder.endsWith('/') ? folder : `${folder}/`);
  const shipped = await shippedDecoders();
  const trial = openTrial(limit);
  let registry = registryOf(shipped.map(({ decoder }) => decoder));
  let faults = new Map<string, string>();
  let scans: Promise<void> = Promise.resolve();
  let quiet: NodeJS.Timeout | undefined;
  let watcher: FSWatcher | undefined;
  let closed = false;
  let opened = false;

  async function scan(): Promise<void> {
    try {
      await mkdir(folder, { recursive: true });
      const found = await loadFolder(url, trial);
      const wrong = new Map(found.faults);
      for (const { file, decoder } of found.loaded) {
        const why = firstExampleFault({ file, decoder });
        if (why !== undefined) wrong.set(file, why);
      }
      const sound = found.loaded.filter(({ file }) => !wrong.has(file));
      for (const [file, why] of clashes(sound, shipped)) wrong.set(file, why);
      const own = sound.filter(({ file }) => !wrong.has(file));
      registry = registryOf([...own, ...shipped].map(({ decoder }) => decoder));
      faults = wrong;
    } catch (error) {
      faults = new Map([[folder, `${folder}: ${reasonOf(error)}`]]);
    }
    if (opened && !closed) onScan();
  }
  function rescan(): Promise<void> {
    scans = scans.then(scan);
    return scans;
  }

  await rescan();
  opened = true;
  try {
    watcher = watch(folder, { persistent: false }, () => {
      clearTimeout(quiet);
      quiet = setTimeout(rescan, QUIET_MS).unref();
    });
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
      watcher?.close();
    },
  };
}

/** A decoder that throws while its examples are tried is at fault like one that gets them wrong. */
function firstExampleFault({ file, decoder }: LoadedDecoder): string | undefined {
  try {
    for (const example of decoder.examples) {
      const why = exampleFault(decoder, example);
      if (why !== undefined) return `${file}: ${why}`;
    }
  } catch (error) {
    return `${file}: ${reasonOf(error)}`;
  }
  return undefined;
}
