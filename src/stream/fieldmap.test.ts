// Field map: paths, wildcards and units; and rules that cannot be right are refused with the reason.
import assert from 'node:assert/strict';
import type { Draft } from '../reading/payload.ts';
import { type FieldRule, fieldMap } from './fieldmap.ts';

const draft = (): Draft => ({ deviceId: 'd', protocol: undefined, time: undefined, telemetry: {}, metadata: {} });

describe('field map', () => {
  type Case = {
    name: string;
    rules: FieldRule[];
    payload: Record<string, unknown>;
    telemetry: Record<string, unknown>;
    absent?: string[];
  };
  const cases: Case[] = [
    {
      name: 'a nested path',
      rules: [{ from: 'ENERGY.Power', metric: 'power_kw', unit: 'W' }],
      payload: { ENERGY: { Power: 3200 } },
      telemetry: { power_kw: 3.2 },
    },
    {
      name: 'a wildcard appends what it matched',
      rules: [{ from: 'sensors.*.temp', metric: 'temperature' }],
      payload: { sensors: { a: { temp: 1 }, b: { temp: 2 }, c: 3 } },
      telemetry: { temperature_a: 1, temperature_b: 2 },
    },
    {
      name: 'a wildcard in the name',
      rules: [{ from: 't.*', metric: 'zone_*_temp' }],
      payload: { t: [20, 21] },
      telemetry: { zone_0_temp: 20, zone_1_temp: 21 },
    },
    {
      name: 'a converted wildcard',
      rules: [{ from: 't.*', metric: 'temperature', unit: '°F' }],
      payload: { t: { x: 212 } },
      telemetry: { temperature_x: 100 },
    },
    {
      name: 'a scale',
      rules: [{ from: 'v', metric: 'voltage', scale: 0.1 }],
      payload: { v: 2303 },
      telemetry: { voltage: 230.3 },
    },
    {
      name: 'scale and unit',
      rules: [{ from: 'p', metric: 'pressure', unit: 'bar', scale: 0.001 }],
      payload: { p: 1013 },
      telemetry: { pressure: 1013 },
    },
    {
      name: 'text where no number is needed',
      rules: [{ from: 's', metric: 'status' }],
      payload: { s: 'ok' },
      telemetry: { status: 'ok' },
    },
    {
      name: 'a bad number',
      rules: [{ from: 'v', metric: 'voltage', scale: 2 }],
      payload: { v: 'x' },
      telemetry: {},
      absent: ['voltage'],
    },
    {
      name: 'an overflow',
      rules: [{ from: 'v', metric: 'voltage', scale: 1e308 }],
      payload: { v: 1e9 },
      telemetry: {},
      absent: ['voltage'],
    },
    { name: 'nothing there', rules: [{ from: 'a.b.c', metric: 'x' }], payload: { a: { b: 1 } }, telemetry: {} },
    { name: 'no inherited field', rules: [{ from: 'constructor.name', metric: 'x' }], payload: {}, telemetry: {} },
  ];
  for (const { name, rules, payload, telemetry, absent = [] } of cases)
    it(name, () => {
      const one = draft();
      fieldMap(rules)(payload, one);
      assert.deepEqual(one.telemetry, telemetry);
      assert.deepEqual(Object.keys(one.metadata.quality ?? {}), absent);
    });

  it('marks what it took as used', () => {
    const payload = { a: { b: 1, c: 2 } };
    fieldMap([{ from: 'a.b', metric: 'x' }])(payload, draft());
    assert.deepEqual(payload, { a: { b: undefined, c: 2 } });
  });

  const wrong: [rule: FieldRule, reason: RegExp][] = [
    [{ from: '', metric: 'x' }, /row 1: expected a path/],
    [{ from: 'a..b', metric: 'x' }, /expected a path/],
    [{ from: 'a', metric: '' }, /expected the name of a metric/],
    [{ from: 'a', metric: '__proto__' }, /expected the name of a metric/],
    [{ from: 'a', metric: 'x', scale: 0 }, /expected a scale other than 0/],
    [{ from: 'a', metric: 'temperature', unit: 'kWh' }, /row 1: expected one of °C, °F, K for temperature, got "kWh"/],
    [{ from: 'a.*', metric: 'temperature_*', unit: 'C' }, /expected one of °C, °F, K for temperature, got "C"/],
    [{ from: 'a.b', metric: 'm_*' }, /row 1: expected a \* in the path for that in the metric, got "a\.b"/],
  ];
  for (const [rule, reason] of wrong)
    it(`refuses ${JSON.stringify(rule)}`, () => assert.throws(() => fieldMap([rule]), reason));
});
