// What decoder nodes take besides messages: keys of devices as text, and members of a payload.
import assert from 'node:assert/strict';
import type { Reading } from '../reading/reading.ts';
import { advertsOf } from './advert-members.ts';
import { laserOf } from './laser/members.ts';
import { keysOf, outputOf, sortMembers } from './members.ts';
import { registryOf, shippedDecoders } from './registry.ts';

describe('device keys', () => {
  const key = '231d39c1d7cc1ab1aee224cd096db932';
  const cases: [name: string, text: string, keys: [string, string][], fault?: RegExp][] = [
    ['none', ' ', []],
    ['one', `54:48:e6:8f:80:a5=${key}`, [['5448E68F80A5', key]]],
    [
      'several, in any way',
      `54-48-E6-8F-80-A5=${key},\n aabbccddeeff=${key};`,
      [
        ['5448E68F80A5', key],
        ['AABBCCDDEEFF', key],
      ],
    ],
    [
      'with an address in another spelling',
      `5448.e68f.80a5=${key} 0xaabbccddeeff=${key}`,
      [
        ['5448E68F80A5', key],
        ['AABBCCDDEEFF', key],
      ],
    ],
    ['a short address', `54:48=${key}`, [], /entry 1 is not <address>=<hex key>/],
    ['no key', `aabbccddeeff=${key} 5448E68F80A5`, [['AABBCCDDEEFF', key]], /entry 2/],
  ];
  for (const [name, text, keys, fault] of cases)
    it(name, () => {
      const got = keysOf(text);
      assert.deepEqual([...got.keys], keys);
      if (fault === undefined) assert.equal(got.fault, undefined);
      else {
        assert.match(got.fault ?? '', fault);
        assert.ok(!got.fault?.includes(key));
      }
    });

  it('open the adverts of their device', async () => {
    const registry = registryOf((await shippedDecoders()).map(({ decoder }) => decoder));
    const advert = { address: '54:48:E6:8F:80:A5', service_data: { fcd2: '4187b90011223372b0231f' } };
    const telemetry = (keys: ReadonlyMap<string, string>): unknown =>
      (advertsOf(advert, { registry, keys, now: 0 })[0] as Reading).telemetry;
    assert.deepEqual(telemetry(keysOf(`54:48:E6:8F:80:A5=${key}`).keys), { motion: true });
    assert.deepEqual(telemetry(keysOf(`54:48:E6:8F:80:A6=${key}`).keys), {});
  });
});

describe('members of a payload', () => {
  const reading: Reading = {
    deviceId: 'd',
    protocol: 'bluetooth',
    timestamp: '2026-01-01T00:00:00.000Z',
    telemetry: {},
    metadata: {},
  };
  const decode = (member: unknown) => (member === 'bad' ? [{ reason: 'no', label: 'x' }] : [reading, reading]);

  it('say that text of their message was repaired', async () => {
    const registry = registryOf((await shippedDecoders()).map(({ decoder }) => decoder));
    const text = '{"address":"a4c1388d18b2","name":"Büro","service_data":{"fcd2":"4002ca09"}}';
    const said = (bytes: Buffer) =>
      advertsOf(bytes, { registry, now: 0 }).map(one => 'metadata' in one && one.metadata.repaired);
    assert.deepEqual(said(Buffer.from(text)), [undefined]);
    assert.match(String(said(Buffer.from(text, 'latin1'))), /^bytes that are no UTF-8/);
    assert.match(String(said(Buffer.from(`[${text.replace('ü', '\\ud800')}]`))), /^half surrogate pairs/);
  });

  it('names a member once, however much of it is refused', () => {
    const sorted = sortMembers(['bad', 'good'], member => [
      ...decode(member),
      ...(member === 'bad' ? decode(member) : []),
    ]);
    const [good, refused] = outputOf({ topic: 't' }, sorted);
    assert.deepEqual(good, [{ topic: 't', payload: [reading, reading] }]);
    assert.deepEqual(refused, { topic: 't', payload: ['bad'], reason: 'no; no', reasons: ['no', 'no'] });
  });

  it('makes a message of each reading of a single one', () => {
    const [good, refused] = outputOf({ topic: 't' }, sortMembers('good', decode));
    assert.deepEqual([good.length, refused], [2, undefined]);
  });

  for (const [what, damage] of [
    ['an escape', '"\\u0041"'],
    ['a key that is a prototype', '{"__proto__":1}'],
  ])
    it(`refuses JSON as deep as it is long, with ${what} in it, like any other that is none`, () => {
      const deep = Buffer.from(`[${damage},${'['.repeat(30_000)}${']'.repeat(30_000)}]`);
      const raw = { topic: 't', bytes: deep, receivedAt: 0, source: 's', protocol: 'bluetooth' } as const;
      assert.deepEqual(advertsOf(raw, { registry: registryOf([]), now: 0 }), [
        { reason: 'expected an advert as JSON', label: 'no advert' },
      ]);
      assert.ok('reason' in laserOf(raw, { now: 0 }));
    });

  it('refuses more adverts in one message than anyone sends', () => {
    const answers = advertsOf(Array(1001).fill({}), { registry: registryOf([]), now: 0 });
    assert.deepEqual(answers, [{ reason: 'expected at most 1000 adverts, got 1001', label: 'no advert' }]);
  });
});
