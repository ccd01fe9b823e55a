// The registry: decoders at fault harm nobody else, overlaps name both files, a user's folder is followed while it changes.
import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../test/support/until.ts';
import { advertOf } from './advert-record.ts';
import { claimsAdvert } from './claims.ts';
import type { AdvertDecoder } from './define.ts';
import { clashes, NO_DECODER, registryOf } from './registry.ts';
import { openUserDecoders, type UserDecoders } from './user-folder.ts';

const base: AdvertDecoder = {
  name: 'shed',
  vendor: 'Own',
  models: ['Shed sensor'],
  source: 'https://example.org',
  matches: advert => advert.manufacturerData.has('ffff'),
  decode: advert => ({ telemetry: { temperature: advert.manufacturerData.get('ffff')?.[0] ?? 0 } }),
  examples: [{ name: 'warm', advert: { manufacturer_data: { ffff: '15' } }, gives: { temperature: 21 } }],
};
const advert = advertOf({ manufacturer_data: { ffff: '15' } });
assert.ok(!('rejected' in advert));

describe('decoder registry', () => {
  const outcomes: [name: string, decoders: AdvertDecoder[], expected: RegExp | Record<string, unknown>][] = [
    ['nobody knows it', [], new RegExp(NO_DECODER)],
    [
      'matches throws',
      [
        {
          ...base,
          matches: () => {
            throw new Error('no');
          },
        },
      ],
      /decoder shed failed: no/,
    ],
    [
      'decode throws',
      [
        {
          ...base,
          decode: () => {
            throw new Error('no');
          },
        },
      ],
      /decoder shed failed: no/,
    ],
    ['decode gives nothing', [{ ...base, decode: () => undefined as never }], /decoder shed failed/],
    [
      'a value that is none',
      [{ ...base, decode: () => ({ telemetry: { a: Number.NaN, b: 1, c: null as never, d: 'x\0y' } }) }],
      { b: 1, d: 'xy' },
    ],
  ];
  for (const [name, decoders, expected] of outcomes)
    it(name, () => {
      const verdict = registryOf(decoders).decode(advert);
      if (expected instanceof RegExp)
        assert.ok('rejected' in verdict && expected.test(verdict.rejected), JSON.stringify(verdict));
      else assert.deepEqual('decoded' in verdict && verdict.decoded.telemetry, expected);
    });

  it('says of each value why it is absent', () => {
    const decode = () => ({ telemetry: { a: Number.NaN, humidity: 130, battery: 55 } });
    const verdict = registryOf([{ ...base, decode }]).decode(advert);
    assert.ok('decoded' in verdict);
    assert.deepEqual(verdict.decoded.telemetry, { battery: 55 });
    assert.deepEqual(verdict.decoded.quality, { a: 'not a number', humidity: 'above 120' });
  });

  const same: AdvertDecoder = { ...base, matches: () => false };
  const overlapping: AdvertDecoder = { ...base, name: 'barn', examples: [] };
  for (const [name, decoder, own, shipped] of [
    ['a double name', same, 'has the name "shed" that a.ts has', 'has the name "shed" that the shipped shed has'],
    [
      'an overlap',
      overlapping,
      'overlap: b.ts matches the example "warm" of a.ts',
      'overlap: b.ts matches the example "warm" of the shipped shed',
    ],
  ] as const)
    it(`names both files of ${name}, and which of them is used`, () => {
      const first = { file: 'a.ts', decoder: base };
      const second = { file: 'b.ts', decoder };
      assert.deepEqual(
        [...clashes([first, second], [])],
        [['b.ts', `b.ts: ${own}; a.ts comes first by its name and is used, b.ts is not`]],
      );
      assert.equal(clashes([second], [first]).get('b.ts'), `b.ts: ${shipped}; the shipped shed is used, b.ts is not`);
    });
});

describe('keys of a decoder', () => {
  const decode = (keys: string[]): unknown => registryOf([{ ...base, keys }]).decode(advert).decoder?.name ?? 'nobody';

  it('say about which adverts it is asked', () => {
    assert.equal(decode(['fffe', 'ffff']), 'shed');
    assert.equal(decode(['fffe']), 'nobody');
    const archived = Buffer.from('{"manufacturer_data":{"ffff":"15"}}');
    assert.deepEqual(
      [['ffff'], ['fffe']].map(keys => claimsAdvert(archived, [{ ...base, keys }])),
      [true, false],
    );
  });
});

describe('a generic decoder', () => {
  const generic: AdvertDecoder = { ...base, name: 'anything', generic: true, decode: () => ({ telemetry: {} }) };

  it('is asked after the others, wherever it stands', () => {
    for (const decoders of [
      [generic, base],
      [base, generic],
    ]) {
      const verdict = registryOf(decoders).decode(advert);
      assert.equal(verdict.decoder?.name, 'shed');
    }
  });

  it('may match what a particular one claims and the other way round, not what another generic one claims', () => {
    const particular = { file: 'shed.ts', decoder: { ...base, matches: () => false } };
    assert.deepEqual(
      clashes([{ file: 'anything.ts', decoder: { ...generic, examples: [] } }], [particular]),
      new Map(),
    );
    const claimed = { file: 'anything.ts', decoder: { ...generic, examples: base.examples } };
    assert.deepEqual(clashes([{ file: 'shed.ts', decoder: base }], [claimed]), new Map());
    const second = { file: 'second.ts', decoder: { ...generic, name: 'second' } };
    assert.match(clashes([second], [{ file: 'anything.ts', decoder: generic }]).get('second.ts') ?? '', /overlap/);
  });
});

describe("a user's decoder folder", () => {
  let folder: string;
  let user: UserDecoders | undefined;
  const source = (name: string, key: string, offset: number): string => `export default {
    name: '${name}', vendor: 'Own', models: ['Shed'], source: 'https://example.org',
    matches: advert => advert.manufacturerData.has('${key}'),
    decode: advert => ({ telemetry: { temperature: advert.manufacturerData.get('${key}')[0] + ${offset} } }),
    examples: [{ name: 'warm', advert: { manufacturer_data: { '${key}': '15' } }, gives: { temperature: ${21 + offset} } }],
  };`;
  const temperature = (): unknown => {
    const verdict = user!.registry().decode(advert);
    return 'decoded' in verdict ? verdict.decoded.telemetry['temperature'] : verdict.rejected;
  };

  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'fieldline-decoders-')), 'decoders');
    user = await openUserDecoders(folder, undefined, { load: 5000, advert: 1000 });
  });
  afterEach(async () => {
    user?.close();
    await rm(join(folder, '..'), { recursive: true, force: true });
  });

  it('is made, and followed: added, changed, removed', async () => {
    assert.equal(temperature(), NO_DECODER);
    await writeFile(join(folder, 'shed.mjs'), source('shed', 'ffff', 0));
    await until(() => temperature() === 21);
    await writeFile(join(folder, 'shed.mjs'), source('shed', 'ffff', 2));
    await until(() => temperature() === 23);
    await rm(join(folder, 'shed.mjs'));
    await until(() => temperature() === NO_DECODER);
  });

  it('is followed where a watch tells nothing: the target of a link, another folder in its place', async () => {
    user!.close();
    user = await openUserDecoders(folder, undefined, { load: 5000, advert: 1000 }, 300);
    const target = join(folder, '..', 'target.mjs');
    await writeFile(target, source('shed', 'ffff', 0));
    await symlink(target, join(folder, 'shed.mjs'));
    await until(() => temperature() === 21);
    await writeFile(target, source('shed', 'ffff', 2));
    await until(() => temperature() === 23);
    await rename(folder, join(folder, '..', 'old'));
    await until(() => temperature() === NO_DECODER);
    await writeFile(join(folder, 'shed.cjs'), source('shed', 'ffff', 4).replace('export default', 'exports.decoder ='));
    await until(() => temperature() === 25);
  });

  it('shows what is wrong with each file and keeps the others', async () => {
    await writeFile(join(folder, 'shed.mjs'), source('shed', 'ffff', 0));
    await writeFile(join(folder, 'broken.mjs'), 'export default {');
    await writeFile(join(folder, 'empty.mjs'), 'export const nothing = 1;');
    await writeFile(join(folder, 'greedy.mjs'), source('greedy', '0499', 0));
    await writeFile(
      join(folder, 'wrong.mjs'),
      source('wrong', 'fffe', 0).replace('temperature: 21', 'temperature: 22'),
    );
    await writeFile(
      join(folder, 'throws.mjs'),
      source('throws', 'fffd', 0).replace("=> advert.manufacturerData.has('fffd')", "=> advert.none.has('x')"),
    );
    await writeFile(join(folder, 'notes.txt'), 'no decoder');
    await user!.rescan();
    assert.equal(temperature(), 21);
    const faults = user!.faults();
    assert.deepEqual([...faults.keys()].sort(), ['broken.mjs', 'empty.mjs', 'greedy.mjs', 'throws.mjs', 'wrong.mjs']);
    assert.match(faults.get('empty.mjs')!, /expected an export named "decoder"/);
    assert.match(
      faults.get('greedy.mjs')!,
      /greedy.mjs matches the example .* of the shipped ruuvi.* is used, greedy.mjs is not/,
    );
    assert.match(faults.get('wrong.mjs')!, /example "warm": expected \{"temperature":22\}, got \{"temperature":21\}/);
    for (const [file, why] of faults) assert.ok(why.startsWith(file), why);
  });

  /** Each would stop the process that loads it. */
  const endless: [name: string, text: string, reason: RegExp][] = [
    ['a file that does not end', 'for (;;);', /does not end/],
    [
      'a decode that ends only on what the device should send',
      source('shed', 'fffe', 0)
        .replace(
          'decode: advert =>',
          'decode: advert => { for (let at = 0; at < 1; at += advert.manufacturerData.get("fffe")[0]); return',
        )
        .replace('}),\n    examples', '}); },\n    examples'),
      /does not end/,
    ],
    ['a file that ends the process', 'process.exit(3);', /ends its thread/],
    [
      'a file that takes all memory',
      'const all = []; for (;;) all.push(new Array(1e6).fill(all.length));',
      /ends its thread: .*memory|does not end/,
    ],
  ];
  for (const [name, text, reason] of endless)
    it(`leaves out ${name}, and keeps the others`, async () => {
      await writeFile(join(folder, 'endless.mjs'), text);
      await writeFile(join(folder, 'shed.mjs'), source('barn', 'ffff', 0));
      await user!.rescan();
      assert.match(user!.faults().get('endless.mjs') ?? '', reason);
      assert.equal(temperature(), 21);
    });
});
