// Normalize on bad input: what is absent, what is refused with a reason, and what never gets into a reading.
import assert from 'node:assert/strict';
import { laser, meter, raw, read } from './normalize.fixture.ts';
import { type NormalizeOptions, normalizer, type RejectKind } from './normalize.ts';

describe('normalize: bad numbers are absent with a reason', () => {
  for (const bad of ['null', '""', '"abc"', 'true', '{}', '1e999', '-2e100', 'NaN', '-Infinity', '"NaN"'])
    it(`voltage ${bad}`, () => {
      const { telemetry, metadata } = read(
        'homelab/energy/m',
        `{"power_kw": "3.2", "voltage": ${bad}, "note": "NaN \\" x"}`,
      );
      assert.deepEqual(telemetry, { power_kw: 3.2 });
      const beyond = /^-?\de/.test(bad) ? ' from -1e+100 to 1e+100' : '';
      assert.ok(metadata.quality?.['voltage']?.startsWith(`voltage: expected a number${beyond}, got `));
      assert.deepEqual(metadata.extra, { note: 'NaN " x' });
    });
});

describe('normalize: rejects', () => {
  const deep = (n: number) => `{"a":${'['.repeat(n)}${']'.repeat(n)},"v":1}`;
  type Bad = { name: string; topic?: string; payload: unknown; kind: RejectKind; options?: NormalizeOptions };
  const cases: Bad[] = [
    { name: 'text', payload: 'hello', kind: 'not JSON' },
    { name: 'nothing', payload: '', kind: 'not JSON' },
    { name: 'a cut message', payload: '{"power_kw": 3', kind: 'not JSON' },
    { name: 'a NaN in a cut message', payload: '{"power_kw": NaN, "\\', kind: 'not JSON' },
    { name: '33 levels', topic: 'own/x', payload: deep(32), kind: 'too deep' },
    { name: '100,000 levels', topic: 'own/x', payload: deep(100_000), kind: 'too deep' },
    { name: '300 KB', payload: { ...meter, note: 'x'.repeat(300 * 1024) }, kind: 'too large' },
    { name: '10,001 items', topic: 'own/x', payload: Array.from({ length: 10_001 }, () => 1), kind: 'too large' },
    {
      name: 'a smaller limit',
      payload: { ...meter, note: 'x'.repeat(900) },
      kind: 'too large',
      options: { maxBytes: 900 },
    },
    { name: 'a lone number for a meter', payload: '7', kind: 'wrong shape' },
    { name: 'null', payload: 'null', kind: 'wrong shape' },
    { name: 'an empty array', payload: '[]', kind: 'no value' },
    { name: 'an empty object', payload: '{}', kind: 'no value' },
    { name: 'no energy in it', payload: { colour: 'red' }, kind: 'no value' },
    { name: 'a topic without a device level', topic: 'homelab/energy', payload: meter, kind: 'no device' },
    { name: 'a blank device', topic: 'homelab/energy/ \u0001 ', payload: meter, kind: 'no device' },
    {
      name: 'no rule',
      topic: 'a',
      payload: meter,
      kind: 'no rule',
      options: { table: [{ filter: 'b', format: 'fields', device: 'last' }] },
    },
    {
      name: 'a measurement without value',
      topic: 'scarnergy/measurements/x',
      payload: { ...laser, value_mm: null },
      kind: 'wrong shape',
    },
    {
      name: 'a status where measurements come',
      topic: 'scarnergy/measurements/x',
      payload: { ...laser, type: 'status' },
      kind: 'wrong shape',
    },
    {
      name: 'a reading without telemetry',
      topic: 'webscada/a/b/telemetry',
      payload: { deviceId: 'b' },
      kind: 'wrong shape',
    },
    {
      name: '501 metrics',
      topic: 'own/x',
      payload: Object.fromEntries(Array.from({ length: 501 }, (_, at) => [`m${at}`, 1])),
      kind: 'wrong shape',
    },
    {
      name: '501 metrics of which most are absent',
      topic: 'own/x',
      payload: Object.fromEntries(Array.from({ length: 501 }, (_, at) => [`m${at}`, at === 0 ? 1 : null])),
      kind: 'wrong shape',
    },
  ];
  for (const { name, topic = 'homelab/energy/m', payload, kind, options = {} } of cases)
    it(`${name}: ${kind}`, () => {
      const { readings, rejected } = normalizer(options)(raw(topic, payload));
      assert.deepEqual(readings, []);
      assert.deepEqual(
        rejected.map(one => one.kind),
        [kind],
      );
      assert.ok((rejected[0]?.reason.length ?? 999) < 300);
    });

  it('accepts 32 levels', () => assert.deepEqual(read('own/x', deep(31)).telemetry, { v: 1 }));
});

describe('normalize: hostile text', () => {
  it('never sets a prototype', () => {
    for (const key of ['__proto__', '\\u005f_proto__']) {
      const { telemetry, metadata } = read(
        'own/x',
        `{"v": 1, "${key}": {"polluted": 1}, "in": {"${key}": {"polluted": 1}}}`,
      );
      assert.deepEqual(telemetry, { v: 1 });
      assert.equal(Object.getPrototypeOf(telemetry), Object.prototype);
      assert.equal(JSON.stringify(metadata.extra), '{"in":{}}');
    }
  });

  it('removes what a database cannot store', () => {
    const { deviceId, telemetry, metadata } = read(
      'own/x',
      '{"device_id": " a\\u0000\\nb ", "s": "x\\ud800", "o": {"k\\u0000": "\\u0000"}}',
    );
    assert.equal(deviceId, 'ab');
    assert.deepEqual(telemetry, { s: 'x\ufffd' });
    assert.deepEqual(metadata.extra, { o: { k: '' } });
  });

  const damaged: readonly [name: string, bytes: Buffer, says: RegExp | undefined][] = [
    ['half a surrogate pair', Buffer.from('{"s":"x\\uD800"}'), /^half surrogate pairs or U\+0000: /],
    ['half a surrogate pair in a name', Buffer.from('[{"v":1,"\\udc00":2},{"v":2}]'), /^half surrogate/],
    ['U+0000', Buffer.from('{"s":"\\u0000"}'), /^half surrogate/],
    ['Latin-1', Buffer.from('{"v":1,"unit":"°C"}', 'latin1'), /^bytes that are no UTF-8: U\+FFFD/],
    ['a whole surrogate pair', Buffer.from('{"s":"\\ud83d\\ude00 é"}'), undefined],
    ['a backslash before a u', Buffer.from('{"s":"\\\\ud800"}'), undefined],
    ['no escapes', Buffer.from('{"s":"°C"}'), undefined],
  ];
  for (const [name, bytes, says] of damaged)
    it(`${says === undefined ? 'says nothing of' : 'says that it repaired'} ${name}`, () => {
      const { readings } = normalizer()({ ...raw('own/x', ''), bytes });
      assert.ok(readings.length > 0);
      for (const { metadata } of readings)
        if (says === undefined) assert.equal(metadata.repaired, undefined);
        else assert.match(metadata.repaired ?? '', says);
    });

  it('bounds names and texts', () => {
    const long = 'n'.repeat(5000);
    const { deviceId, telemetry, metadata } = read('own/x', { device_id: long, s: long, [long]: 1 });
    assert.deepEqual([deviceId.length, String(telemetry['s']).length], [200, 2048]);
    assert.deepEqual(Object.keys(metadata.extra ?? {}), [long]);
  });
});
