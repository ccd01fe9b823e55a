// What a new decoder would read of the archive: counted from the newest advert back, and offered as a selection to replay.
import type { Query } from '../reading/contracts.ts';
import type { Cursor } from './replays.ts';
import { archivePages } from './pages.ts';
import type { Selection } from './selection.ts';

export type Offer = {
  adverts: number;
  /** The archive goes further back than was counted. */
  more: boolean;
  selection: Selection;
};

export type OfferOptions = {
  query: Query;
  /** Does the new decoder know a message? */
  matches(bytes: Uint8Array): boolean;
  signal: AbortSignal;
  /** Most messages that are looked at. */
  most?: number;
  pageRows?: number;
};

const ADVERTS: Selection = { kind: 'advert' };

/** Undefined where nothing matches, or when it was called off. Rejects with a Fault of kind outage. */
export async function offerOf(options: OfferOptions): Promise<Offer | undefined> {
  const { query, matches, signal, most = 200_000, pageRows = 500 } = options;
  const pages = archivePages({ query, selection: ADVERTS, rows: pageRows, order: 'newest' });
  let looked = 0;
  let adverts = 0;
  let from: Cursor | undefined;
  let ended = false;
  while (!ended && looked < most && !signal.aborted) {
    const page = await pages();
    for (const { raw, place } of page ?? []) {
      if (!matches(raw.bytes)) continue;
      adverts++;
      from = place;
    }
    looked += page?.length ?? 0;
    ended = page === undefined;
  }
  if (signal.aborted || adverts === 0 || from === undefined) return undefined;
  // Beyond what was counted there may be more: then all of it is replayed.
  return { adverts, more: !ended, selection: ended ? { ...ADVERTS, from: isoOf(from) } : ADVERTS };
}

/** PostgreSQL's text of a time to the millisecond below it. */
function isoOf({ time }: Cursor): string {
  const ms = Date.parse(time.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00'));
  return new Date(ms).toISOString();
}
