// What a new decoder would read of an archive in a real PostgreSQL: counted from the newest back.
import assert from 'node:assert/strict';
import type { Raw } from '../reading/raw.ts';
import { onDatabase } from '../../test/support/database.ts';
import { archive } from './archive.ts';
import { offerOf } from './offer.ts';
import { archiveRow } from './row.ts';

const T0 = Date.UTC(2026, 0, 3, 16);

describe('offer of what a new decoder knows', () => {
  const db = onDatabase();
  afterEach(() => db.store?.query('TRUNCATE raw_advertisements, receipts'));

  const keep = (...messages: readonly Pick<Raw, 'topic' | 'bytes'>[]) =>
    archive({ query: db.store.prepared, bulk: db.store.bulk, target: 't' }).write(
      messages.map((message, n) =>
        archiveRow({ source: 'pi', protocol: 'mqtt', receivedAt: T0 + n, ...message }, T0 + 1000),
      ),
    );
  const even = async (raws: readonly Raw[]) => new Set(raws.filter(({ bytes }) => bytes.at(-1)! % 2 === 0));
  const offer = (more: object = {}) =>
    offerOf({ query: db.store.query, news: even, signal: new AbortController().signal, pageRows: 3, ...more });
  const adverts = Array.from({ length: 9 }, (_, n) => ({ topic: 'bt-mqtt/raw/pi', bytes: Buffer.from([255, n]) }));

  it('counts adverts alone, and begins with the oldest that it knows', async () => {
    await keep({ topic: 'home/a', bytes: Buffer.from([0]) }, ...adverts.slice(1));
    assert.deepEqual(await offer(), {
      adverts: 4,
      more: false,
      selection: { kind: 'advert', from: new Date(T0 + 2).toISOString() },
    });
  });

  it('counts the newest where there are too many, and takes all then', async () => {
    await keep(...adverts);
    assert.deepEqual(await offer({ most: 6 }), { adverts: 3, more: true, selection: { kind: 'advert' } });
  });

  it('is none where nothing matches, or when it is called off', async () => {
    assert.equal(await offer(), undefined);
    await keep(...adverts);
    assert.equal(await offer({ news: async () => new Set() }), undefined);
    assert.equal(await offer({ signal: AbortSignal.abort() }), undefined);
  });
});
