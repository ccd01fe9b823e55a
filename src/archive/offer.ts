// What a new decoder would read of the archive: counted from the newest advert back, and offered as a selection to replay.
import type { Query } from '../reading/contracts.ts';
import type { Raw } from '../reading/raw.ts';
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
  /** Those of which the new decoder would make rows that are not there yet. */
  news(raws: readonly Raw[]): Promise<ReadonlySet<Raw>>;
  signal: AbortSignal;
  /** Most messages that are looked at. */
  most?: number;
  pageRows?: number;
};

const ADVERTS: Selection = { kind: 'advert' };

/** Undefined where there is nothing new, or when it was called off. Rejects with a Fault of kind outage. */
export async function offerOf(options: OfferOptions): Promise<Offer | undefined> {
  const { query, news, signal, most = 200_000, pageRows = 500 } = options;
  const pages = archivePages({ query, selection: ADVERTS, rows: pageRows, order: 'newest' });
  let looked = 0;
  let adverts = 0;
  let from: Cursor | undefined;
  let ended = false;
  while (!ended && looked < most && !signal.aborted) {
    const page = await pages();
    const fresh = await news((page ?? []).map(({ raw }) => raw));
    for (const { raw, place } of page ?? []) {
      if (!fresh.has(raw)) continue;
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
