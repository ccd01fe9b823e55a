// Which archived adverts a decoder that was added makes rows of that are not in the tables yet.
import { advertsOf } from '../../src/decoders/advert-members.ts';
import { claimsAdvert } from '../../src/decoders/claims.ts';
import type { AdvertDecoder } from '../../src/decoders/define.ts';
import type { UserDecoders } from '../../src/decoders/user-folder.ts';
import type { Query } from '../../src/reading/contracts.ts';
import type { Raw } from '../../src/reading/raw.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { storedAlready } from '../../src/sinks/already.ts';

export type NewsOptions = {
  query: Query;
  /** All that adverts are decoded with. */
  decoders: Pick<UserDecoders, 'registry'>;
  /** Those of them that were added. */
  added: readonly AdvertDecoder[];
  keys: ReadonlyMap<string, string>;
};

export function newsOf({ query, decoders, added, keys }: NewsOptions): (raws: readonly Raw[]) => Promise<Set<Raw>> {
  const names = new Set<unknown>(added.map(({ name }) => name));
  return async raws => {
    const context = { registry: decoders.registry(), keys, now: Date.now() };
    const readings = new Map<Reading, Raw>();
    for (const raw of raws.filter(({ bytes }) => claimsAdvert(bytes, added)))
      for (const one of advertsOf(raw, context))
        if ('telemetry' in one && names.has(one.metadata.parser)) readings.set(one, raw);
    const there = await storedAlready(query, [...readings.keys()]);
    return new Set([...readings].filter(([reading]) => !there.has(reading)).map(([, raw]) => raw));
  };
}
