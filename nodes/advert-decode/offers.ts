// Offers of an advert-decode node: when a decoder is added to the folder, the archived adverts that it knows, to be replayed.
import { type Offer, offerOf } from '../../src/archive/offer.ts';
import { askForReplay, lastEnd } from '../../src/archive/replays.ts';
import { queuedWords } from '../../src/archive/replay-words.ts';
import type { AdvertDecoder } from '../../src/decoders/define.ts';
import type { UserDecoders } from '../../src/decoders/user-folder.ts';
import { reasonOf } from '../../src/kernel/fault.ts';
import type { Database } from '../../src/store/database.ts';
import { newsOf } from './news.ts';
import { pressedOnce } from './press.ts';

/** Between two looks whether a replay has come to its end, which may be that of a command line. */
const LOOK_MS = 5000;

export type Offers = {
  /** The folder was read again. */
  scanned(): void;
  /** `12 archived adverts match shed: press the button to replay them`; undefined without an offer. */
  words(): string | undefined;
  /** Asks for the replay; a replay node takes it. Throws when nothing is offered. */
  accept(by: string): Promise<string>;
  close(): void;
};

export type OffersOptions = {
  store: Pick<Database, 'query' | 'migrated'>;
  /** Whose decoders these are. */
  folder: string;
  decoders: Pick<UserDecoders, 'registry'>;
  keys: ReadonlyMap<string, string>;
  /** An offer came or went. */
  onOffer(): void;
  log(level: 'info' | 'warn', text: string): void;
  lookMs?: number;
};

/** Nodes that offer what is in the same folder and archive: what one of them has replayed is none of the others' news. */
type Neighbour = { store: OffersOptions['store']; folder: string; replayed(names: ReadonlySet<string>): void };
const neighbours = new Set<Neighbour>();

export function openOffers(options: OffersOptions): Offers {
  const { store, folder, decoders, keys, onOffer, log, lookMs = LOOK_MS } = options;
  const { query } = store;
  // A file that did not change is the same object after each scan.
  let known: readonly AdvertDecoder[] = decoders.registry().decoders;
  let offer: (Offer & { names: readonly string[] }) | undefined;
  let fresh: AdvertDecoder[] = [];
  let counting = new AbortController();
  /** The last replay that had ended when the offer was counted. */
  let countedAfter: string | undefined;

  function told({ adverts, more, names }: NonNullable<typeof offer>): string {
    return `${more ? 'at least ' : ''}${adverts} archived adverts match ${names.join(', ')}: press the button to replay them`;
  }

  async function count(looked: readonly AdvertDecoder[], signal: AbortSignal): Promise<void> {
    await store.migrated;
    countedAfter = await lastEnd(query);
    const found = await offerOf({ query, news: newsOf({ query, decoders, added: looked, keys }), signal });
    if (signal.aborted) return;
    const before = offer;
    offer = found && { ...found, names: looked.map(({ name }) => name) };
    if (offer !== undefined && offer.adverts !== before?.adverts) log('info', told(offer));
    if (offer !== undefined || before !== undefined) onOffer();
  }

  /** A replay that has ended since may have left less to offer, or nothing. */
  async function look(): Promise<void> {
    if (offer === undefined || (await lastEnd(query)) === countedAfter) return;
    countAnew();
  }
  const looking = setInterval(() => look().catch(() => {}), lookMs).unref();

  function countAnew(): void {
    counting.abort();
    counting = new AbortController();
    count(fresh, counting.signal).catch((error: unknown) => {
      countedAfter = undefined;
      log('warn', `archived adverts: ${reasonOf(error)}`);
    });
  }

  /** What is offered is of these decoders, or nothing. */
  function offerAnew(decoders: AdvertDecoder[]): void {
    fresh = decoders;
    counting.abort();
    if (offer !== undefined) {
      offer = undefined;
      onOffer();
    }
    if (fresh.length > 0) countAnew();
  }

  const self: Neighbour = {
    store,
    folder,
    replayed(names) {
      const left = fresh.filter(({ name }) => !names.has(name));
      if (left.length < fresh.length) offerAnew(left);
    },
  };
  neighbours.add(self);

  async function ask(by: string): Promise<string> {
    if (offer === undefined) throw new Error('nothing to replay: no decoder was added that knows archived adverts');
    const { selection, names } = offer;
    const asked = await askForReplay(query, { selection, askedBy: by });
    for (const one of neighbours) if (one.store === store && one.folder === folder) one.replayed(new Set(names));
    return queuedWords(asked);
  }

  return {
    scanned() {
      const now = decoders.registry().decoders;
      const added = now.filter(decoder => !known.includes(decoder));
      known = now;
      const left = fresh.filter(decoder => now.includes(decoder));
      if (added.length > 0 || left.length < fresh.length) offerAnew([...left, ...added]);
    },
    words: () => offer && told(offer),
    accept: pressedOnce(ask, () => offer === undefined),
    close() {
      clearInterval(looking);
      neighbours.delete(self);
      counting.abort();
    },
  };
}
