// Admin endpoints for the dialogs of Modbus nodes: all with settings that are not deployed, all guarded and bounded.
import { randomUUID } from 'node:crypto';
import { budgetOf } from '../../src/modbus/budget.ts';
import { findMap, mapNames, shippedFolder } from '../../src/modbus/maps.ts';
import { serialPorts } from '../../src/modbus/port-names.ts';
import { type Scan, scanUnits } from '../../src/modbus/scan.ts';
import { onLine, tryOut } from '../../src/modbus/try-out.ts';
import type { Admin } from '../../src/palette/define.ts';
import { bodyOf, deployedOf, settingsOf, unitOf } from './asked.ts';
import { registerLive } from './live.ts';
import { pollsOf } from './planned.ts';

/** Scans that run or ended lately; a process has few dialogs open. */
const scans = new Map<string, Scan>();
const MOST_SCANS = 4;

/** `mapsFolder`: of the user, known when a bus has started. */
export function register(admin: Admin, mapsFolder: () => string | undefined): void {
  registerLive(admin, mapsFolder);
  admin.read('fieldline/modbus/ports', serialPorts);

  admin.read('fieldline/modbus/maps', () => {
    const folder = mapsFolder();
    return [...new Set([...mapNames(shippedFolder), ...(folder === undefined ? [] : mapNames(folder))])].sort();
  });

  // Body: `{ map }`, the JSON of a map or its name. Answers what is wrong, or the registers with their protocol addresses.
  admin.act('fieldline/modbus/check', request => {
    const { fields: registers } = findMap(String(bodyOf(request)['map'] ?? ''), mapsFolder());
    return registers.map(({ metric, table, address, span, type, order }) => ({
      metric,
      table,
      address,
      span,
      type,
      order,
    }));
  });

  // Body: `{ bus, polls: [{ unitId, map, parameters, periodMs, maxWords, gapBudget }] }`.
  admin.act('fieldline/modbus/plan', request => {
    const { transport, format, timeoutMs, quarantine } = settingsOf(request);
    return budgetOf(
      {
        format: transport === 'tcp' ? undefined : format,
        timeoutMs,
        probeMs: quarantine.probeMs,
        turnaroundMs: Number(bodyOf(request)['turnaroundMs'] ?? 0) || 0,
      },
      pollsOf(bodyOf(request)['polls'], mapsFolder()),
    );
  });

  // Body: `{ bus, unit, node? }`; `node` is the id of the deployed bus.
  admin.act('fieldline/modbus/test', request => {
    const unit = unitOf(bodyOf(request)['unit']);
    return onLine(settingsOf(request), deployedOf(request), bus => tryOut(bus, unit));
  });

  // Body: `{ bus, from, to, node? }`. Answers `{ id }`, to ask for its progress with.
  admin.act('fieldline/modbus/scan', request => {
    for (const [id, scan] of scans) if (scan.done && scans.size >= MOST_SCANS) scans.delete(id);
    if (scans.size >= MOST_SCANS) throw new Error(`expected at most ${MOST_SCANS} scans at once`);
    const from = unitOf(bodyOf(request)['from'] ?? 1);
    const to = unitOf(bodyOf(request)['to'] ?? 247);
    const units = Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at);
    if (units.length === 0) throw new Error(`to: expected ${from} to 247, got ${to}`);
    const id = randomUUID();
    return new Promise(resolve => {
      // The line stays open until the scan has ended.
      onLine(settingsOf(request), deployedOf(request), async bus => {
        const scan = scanUnits(bus, units);
        scans.set(id, scan);
        resolve({ id });
        await scan.ended;
      }).catch((error: unknown) => resolve(Promise.reject(error)));
    });
  });

  admin.read('fieldline/modbus/scan', ({ query }) => {
    const scan = scans.get(query['id'] ?? '');
    if (scan === undefined) throw new Error('id: expected that of a scan, got none that is known');
    const { done, at, of, found, error } = scan;
    return { done, at, of, found, error };
  });

  admin.act('fieldline/modbus/scan-stop', request => {
    scans.get(String(bodyOf(request)['id']))?.stop();
    return {};
  });
}
