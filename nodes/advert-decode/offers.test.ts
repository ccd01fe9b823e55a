// The offer of a new decoder beside a real archive: what somebody else has replayed meanwhile, or what is stored, is not offered.
import assert from 'node:assert/strict';
import { replayFlow } from '../../cli/replay-flow.ts';
import { archive } from '../../src/archive/archive.ts';
import { archivePages } from '../../src/archive/pages.ts';
import { askForReplay, claimReplay, endReplay } from '../../src/archive/replays.ts';
import { archiveRow } from '../../src/archive/row.ts';
import type { AdvertDecoder, DecodedAdvert } from '../../src/decoders/define.ts';
import { registryOf } from '../../src/decoders/registry.ts';
import { onDatabase } from '../../test/support/database.ts';
import { until } from '../../test/support/until.ts';
import { type Offers, openOffers } from './offers.ts';

const T0 = Date.UTC(2026, 0, 3, 16);

describe('offers of advert-decode', () => {
  const db = onDatabase();
  afterEach(() =>
    db.store?.query(
      'TRUNCATE raw_advertisements, replays, sensor_readings, measurements, energy_readings, flow_data, devices, latest_values',
    ),
  );

  const decoder = (decode: (byte: number) => DecodedAdvert): AdvertDecoder => ({
    ...{ name: 'shed', vendor: 'Own', models: ['Shed'], source: 'https://example.org', examples: [] },
    matches: ({ manufacturerData }) => manufacturerData.get('ffff')?.length === 1,
    decode: ({ manufacturerData }) => decode(manufacturerData.get('ffff')![0]!),
  });
  const keep = (count: number) =>
    archive({ query: db.store.prepared, bulk: db.store.bulk, target: 't' }).write(
      Array.from({ length: count }, (_, n) => {
        const advert = {
          scanner_id: 'attic',
          address: `aa:bb:cc:dd:ee:0${n}`,
          rssi: -6,
          manufacturer_data: { ffff: `0${n}` },
        };
        const bytes = Buffer.from(JSON.stringify(advert));
        const topic = n % 2 === 0 ? 'bt-mqtt/raw/attic' : 'site7/raw/attic';
        return archiveRow({ topic, source: 'pi', protocol: 'mqtt', receivedAt: T0 + n, bytes }, T0);
      }),
    );

  /** As `fieldline replay` does it, with this decoder; what its selection leaves out stays. */
  async function replay(own: AdvertDecoder, device?: string): Promise<void> {
    const { query } = db.store;
    const wish = { selection: device === undefined ? {} : { device }, askedBy: 'command line', owner: 'else' };
    const { id, selection } = (await askForReplay(query, wish)).replay;
    await claimReplay(query, 'else', { id });
    const flow = replayFlow(db.store, () => registryOf([own]));
    const pages = archivePages({ query, selection });
    for (let page = await pages(); page !== undefined; page = await pages())
      await flow.emit(page.map(({ raw }) => raw));
    await flow.close();
    await endReplay(query, id, 'else', 'done');
  }

  async function withOffers(
    own: AdvertDecoder,
    use: (words: Offers['words'], accept: Offers['accept']) => Promise<void>,
  ) {
    let decoders: AdvertDecoder[] = [];
    const offers = openOffers({
      ...{
        store: { query: db.store.query, migrated: Promise.resolve('plain' as const) },
        folder: '/decoders',
        keys: new Map(),
      },
      decoders: { registry: () => registryOf(decoders) },
      ...{ onOffer() {}, log() {}, lookMs: 20 },
    });
    try {
      decoders = [own];
      offers.scanned();
      await use(offers.words, offers.accept);
    } finally {
      offers.close();
    }
  }

  const kinds: readonly [name: string, decode: (byte: number) => DecodedAdvert][] = [
    ['values in rows of their own', byte => ({ telemetry: { temperature: byte, door: byte > 1, state: `s${byte}` } })],
    [
      'a value that is absent for a reason',
      byte => ({ telemetry: { battery: byte }, quality: { temperature: 'none' } }),
    ],
    ['values of one row', byte => ({ telemetry: { power_kw: byte, voltage: 230, phase: `L${byte}`, own: byte } })],
    ['no value at all', () => ({ telemetry: {} })],
  ];
  for (const [name, decode] of kinds)
    it(`takes back what a command line has replayed meanwhile: ${name}`, async () => {
      await keep(4);
      await withOffers(decoder(decode), async words => {
        await until(() => /^4 archived adverts match shed/.test(words() ?? ''));
        await replay(decoder(decode), 'aabb.ccdd.ee01');
        await until(() => /^3 archived adverts match shed/.test(words() ?? ''));
        await replay(decoder(decode));
        await until(() => words() === undefined);
      });
    });

  it('asks once for what two nodes offer, when both are told to at once', async () => {
    await keep(3);
    const own = decoder(byte => ({ telemetry: { temperature: byte } }));
    await withOffers(own, (words, accept) =>
      withOffers(own, async (otherWords, otherAccept) => {
        await until(() => words() !== undefined && otherWords() !== undefined);
        const [said, other] = (await Promise.all([accept('a'), otherAccept('b')])).toSorted();
        assert.match(said!, /^replay \d+ waits for a replay node$/);
        assert.equal(other, said!.replace('waits for a replay node', 'waits or runs already: 0'));
      }),
    );
  });

  it('offers adverts of which a decoder now reads something else', async () => {
    await keep(3);
    await replay(decoder(byte => ({ telemetry: { temperature: byte, humidity: 50 } })));
    const changed = decoder(byte => ({ telemetry: { temperature: byte === 1 ? 21 : byte, humidity: 50 } }));
    await withOffers(changed, words => until(() => /^1 archived adverts match/.test(words() ?? '')));
  });

  it('offers none that the decoder knows and cannot read', async () => {
    await keep(3);
    const half = decoder(byte =>
      byte === 0 ? { telemetry: { temperature: 20 } } : ({ rejected: 'too short' } as never),
    );
    await withOffers(half, words => until(() => /^1 archived adverts match/.test(words() ?? '')));
  });
});
