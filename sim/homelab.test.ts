// The demo home: every value finite, every device marked as demo, the same second the same message.
import assert from 'node:assert/strict';
import { homelab } from './homelab.ts';

describe('demo home', () => {
  const start = Date.UTC(2026, 5, 1) / 1000;

  it('publishes meters every second and everything every five', () => {
    assert.deepEqual(
      homelab(start).map(({ topic }) => topic),
      [
        'homelab/energy/demo-meter1',
        'homelab/energy/demo-meter2',
        'homelab/heatpump/demo-heatpump',
        'homelab/temperature/demo-kitchen',
        'homelab/temperature/demo-bath',
        'homelab/temperature/demo-cellar',
      ],
    );
    assert.equal(homelab(start + 1).length, 2);
  });

  it('has finite numbers in sensible ranges over a day', () => {
    for (let second = start; second < start + 86_400; second += 35)
      for (const { topic, payload } of homelab(second)) {
        const { timestamp, ...values } = JSON.parse(payload) as Record<string, unknown>;
        assert.equal(timestamp, new Date(second * 1000).toISOString());
        for (const [name, value] of Object.entries(values))
          if (typeof value === 'number') assert.ok(value > -20 && value < 100_000, `${topic} ${name} ${value}`);
        for (const value of Object.values(values)) assert.notEqual(value, null);
      }
  });

  it('counts energy upwards', () => {
    const total = (second: number) =>
      (JSON.parse(homelab(second)[0]!.payload) as { total_energy_kwh: number }).total_energy_kwh;
    assert.ok(total(start + 3600) > total(start));
  });

  it('gives the same for the same second', () => assert.deepEqual(homelab(start), homelab(start)));
});
