// What the API is made of, without a database: shown values, rates and the cache.
import assert from 'node:assert/strict';
import { fakeClock } from '../kernel/clock.ts';
import { cached, sparing } from './cache.ts';
import { ago, rounded, shown } from './display.ts';
import { rateMeter } from './summary.ts';

describe('telemetry API', () => {
  const values: [metric: string, value: number | string | boolean | null, text: string][] = [
    ['temperature', 21.456, '21.5 °C'],
    ['temperature', -0.04, '0.0 °C'],
    ['value_mm', 2450, '2450.0 mm'],
    ['power_kw', 2.750000000895319, '2.750 kW'],
    ['flow_rate', 12.3456, '12.35'],
    ['unheard_of', 1, '1'],
    ['unheard_of', -1.00293e-10, '-1e-10'],
    ['energy', 0.00412, '0.00412 kWh'],
    ['unheard_of', 0.5, '0.50'],
    ['unheard_of', 0, '0'],
    ['unheard_of', 2.63255638e98, '2.63256e+98'],
    ['toString', 1.5, '1.50'],
    ['window', true, 'true'],
    ['state', 'open', 'open'],
    ['temperature', null, '–'],
    ['temperature', Number.NaN, '–'],
    ['temperature_2', 25.113, '25.1 °C'],
    ['pm2_5', 12.4, '12 µg/m³'],
    ['channel_2', 1, '1'],
  ];
  for (const [metric, value, text] of values)
    it(`shows ${metric} ${value} as ${text}`, () => assert.equal(shown(metric, value), text));

  it('rounds without a negative zero', () => assert.equal(rounded(-0.001, 2), '0.00'));

  const ages: [seconds: number, text: string][] = [
    [-5, '0 s ago'],
    [59, '59 s ago'],
    [60, '1 min ago'],
    [3599, '59 min ago'],
    [3600, '1 h ago'],
    [86_400, '1 d ago'],
  ];
  const now = Date.UTC(2026, 0, 1);
  for (const [seconds, text] of ages)
    it(`says ${text} after ${seconds} s`, () =>
      assert.equal(ago(new Date(now - seconds * 1000).toISOString(), now), text));
  it('says never for no time', () => assert.equal(ago(null, now), 'never'));

  it('measures the rate between two looks', () => {
    const clock = fakeClock();
    const rate = rateMeter(clock);
    assert.equal(rate(100), 0);
    assert.equal(rate(200), 0, 'no time has passed');
    clock.advance(2000);
    assert.equal(rate(300), 50);
    clock.advance(1000);
    assert.equal(rate(10), 10, 'the counter began again');
  });

  it('loads once for many, and again when something changed or time is up', async () => {
    const clock = fakeClock();
    let loads = 0;
    let version = 'a';
    const get = cached(
      async () => ++loads,
      async () => version,
      { clock, freshMs: 1000, maxMs: 30_000 },
    );
    assert.deepEqual(await Promise.all([get(), get(), get()]), [1, 1, 1]);
    version = 'b';
    assert.equal(await get(), 1, 'within a second nobody looks');
    clock.advance(1000);
    assert.equal(await get(), 2);
    clock.advance(29_000);
    assert.equal(await get(), 2, 'nothing changed');
    clock.advance(1000);
    assert.equal(await get(), 3, 'too old');
  });

  it('asks for what is dear the more seldom, once for many, and after a failure again', async () => {
    const clock = fakeClock();
    let took = 0;
    let loads = 0;
    const get = sparing(async () => {
      clock.advance(took);
      if (took === 7) throw new Error('away');
      return ++loads;
    }, clock);
    assert.deepEqual([await get(), await get()], [1, 2], 'what takes no time is always new');
    took = 20;
    assert.deepEqual(await Promise.all([get(), get()]), [3, 3]);
    clock.advance(3999);
    assert.equal(await get(), 3);
    took = 7;
    clock.advance(1);
    await assert.rejects(get(), /away/);
    took = 5000;
    assert.equal(await get(), 4);
    clock.advance(29_999);
    assert.equal(await get(), 4);
    clock.advance(1);
    assert.equal(await get(), 5, 'never older than 30 s');
  });

  it('tries again after a failure', async () => {
    let fails = true;
    const load = async () => {
      if (fails) throw new Error('away');
      return 1;
    };
    const get = cached(load, async () => 'a', { clock: fakeClock(), freshMs: 1000, maxMs: 30_000 });
    await assert.rejects(get(), /away/);
    fails = false;
    assert.equal(await get(), 1);
  });
});
