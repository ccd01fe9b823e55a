// Offers of an advert-decode node: when a decoder is added to the folder, the archived adverts that it knows, to be replayed.
import { type Offer, offerOf } from '../../src/archive/offer.ts';
import { askForReplay } from '../../src/archive/replays.ts';
import { claimsAdvert } from '../../src/decoders/claims.ts';
import type { AdvertDecoder } from '../../src/decoders/define.ts';
import type { UserDecoders } from '../../src/decoders/user-folder.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { reasonOf } from '../../src/kernel/fault.ts';
import type { Database } from '../../src/store/database.ts';

const TWICE_MS = 5000;

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
  decoders: UserDecoders;
  /** An offer came or went. */
  onOffer(): void;
  log(level: 'info' | 'warn', text: string): void;
};

/** Nodes that offer what is in the same folder and archive: what one of them has replayed is none of the others' news. */
type Neighbour = { store: OffersOptions['store']; folder: string; replayed(names: ReadonlySet<string>): void };
const neighbours = new Set<Neighbour>();

export function openOffers({ store, folder, decoders, onOffer, log }: OffersOptions): Offers {
  // A file that did not change is the same object after each scan.
  let known: readonly AdvertDecoder[] = decoders.registry().decoders;
  let offer: (Offer & { names: readonly string[] }) | undefined;
  let fresh: AdvertDecoder[] = [];
  let counting = new AbortController();

  function told({ adverts, more, names }: NonNullable<typeof offer>): string {
    return `${more ? 'at least ' : ''}${adverts} archived adverts match ${names.join(', ')}: press the button to replay them`;
  }

  async function count(looked: readonly AdvertDecoder[], signal: AbortSignal): Promise<void> {
    await store.migrated;
    const matches = (bytes: Uint8Array) => claimsAdvert(bytes, looked);
    const found = await offerOf({ query: store.query, matches, signal });
    if (signal.aborted || found === undefined) return;
    offer = { ...found, names: looked.map(({ name }) => name) };
    log('info', told(offer));
    onOffer();
  }

  /** What is offered is of these decoders, or nothing. */
  function offerAnew(decoders: AdvertDecoder[]): void {
    fresh = decoders;
    counting.abort();
    counting = new AbortController();
    if (offer !== undefined) {
      offer = undefined;
      onOffer();
    }
    if (fresh.length === 0) return;
    count(fresh, counting.signal).catch((error: unknown) => log('warn', `archived adverts: ${reasonOf(error)}`));
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
    const { id } = await askForReplay(store.query, selection, by);
    for (const one of neighbours) if (one.store === store && one.folder === folder) one.replayed(new Set(names));
    return `replay ${id} waits for a replay node`;
  }

  /** The last answer, and until when (steady ms) another press is the same one: for ever while it is not there yet. */
  let asked: { answer: Promise<string>; until: number } | undefined;

  return {
    scanned() {
      const now = decoders.registry().decoders;
      const added = now.filter(decoder => !known.includes(decoder));
      known = now;
      const left = fresh.filter(decoder => now.includes(decoder));
      if (added.length > 0 || left.length < fresh.length) offerAnew([...left, ...added]);
    },
    words: () => offer && told(offer),
    accept(by) {
      // Whoever presses twice has asked once, also where the first press was answered before the second came.
      const isSame = asked !== undefined && offer === undefined && systemClock.steady() < asked.until;
      if (asked !== undefined && (isSame || asked.until === Infinity)) return asked.answer;
      const one = { answer: ask(by), until: Infinity };
      asked = one;
      one.answer.then(
        () => (one.until = systemClock.steady() + TWICE_MS),
        () => (one.until = 0),
      );
      return one.answer;
    },
    close() {
      neighbours.delete(self);
      counting.abort();
    },
  };
}
