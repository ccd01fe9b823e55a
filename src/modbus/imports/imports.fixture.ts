// What an import gave, in a line each, and the check that it makes a map.
import assert from 'node:assert/strict';
import { parseMap } from '../map.ts';
import { type Imported, mapText, type Row } from './imported.ts';

/** `metric table address type order …` of each row, by device. */
export const shown = ({ devices }: Imported) =>
  devices.map(({ connection, unit, periodMs, rows }) => [
    connection,
    unit,
    periodMs,
    rows.map(({ metric, table, address, type, order, ...more }: Row) =>
      [metric, table, address, type, order, Object.keys(more).length > 0 ? JSON.stringify(more) : undefined]
        .filter(part => part !== undefined)
        .join(' '),
    ),
  ]);

/** Whatever was imported makes a map. */
export function check(imported: Imported): Imported {
  for (const { name, rows } of imported.devices)
    if (rows.length > 0) assert.equal(parseMap(mapText(name, 'imported', rows), 'm').fields.length, rows.length);
  return imported;
}
