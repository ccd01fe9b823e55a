// Admin endpoints that read a unit for a dialog: all values of a map once, and one register in every order.
import { candidatesOf } from '../../src/modbus/candidates.ts';
import { findMap } from '../../src/modbus/maps.ts';
import { registerReader } from '../../src/modbus/reader.ts';
import { systemTiming } from '../../src/modbus/timing.ts';
import { onLine } from '../../src/modbus/try-out.ts';
import type { Admin } from '../../src/palette/define.ts';
import { bodyOf, deployedOf, settingsOf, unitOf } from './asked.ts';

const LIMITS = { maxWords: 125, maxBits: 2000, gapBudget: 16 };

export function registerLive(admin: Admin, mapsFolder: () => string | undefined): void {
  // Body: `{ bus, unit, map, parameters, node? }`. Answers values by metric, and why the others are absent.
  admin.act('fieldline/modbus/values', request => {
    const { unit, map, parameters } = bodyOf(request);
    const asked = unitOf(unit);
    const given = String(parameters ?? '').trim();
    const { fields, sunspec, limits } = findMap(
      String(map ?? ''),
      mapsFolder(),
      given === '' ? {} : (JSON.parse(given) as Record<string, number>),
    );
    return onLine(settingsOf(request), deployedOf(request), async bus => {
      const reader = registerReader({
        bus,
        unit: asked,
        fields,
        sunspec,
        timing: systemTiming,
        limits: { ...LIMITS, ...limits },
      });
      const { telemetry, quality } = await reader.poll();
      return { telemetry, quality };
    });
  });

  // Body: `{ bus, unit, map, node? }`; the map has the one register that is looked at.
  admin.act('fieldline/modbus/candidates', request => {
    const { unit, map } = bodyOf(request);
    const asked = unitOf(unit);
    const [field] = findMap(String(map ?? ''), undefined).fields;
    if (field === undefined) throw new Error('map: expected one register, got none');
    return onLine(settingsOf(request), deployedOf(request), bus => candidatesOf(bus, asked, field));
  });
}
