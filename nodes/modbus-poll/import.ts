// Admin endpoints of the dialog that take over registers: from other programs, from tables of text, and back into one.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expected, reasonOf } from '../../src/kernel/fault.ts';
import { addressBases, referenceOf } from '../../src/modbus/address.ts';
import { fromCsv, toCsv } from '../../src/modbus/imports/csv.ts';
import { fromHomeAssistant } from '../../src/modbus/imports/home-assistant.ts';
import { asObject, type Imported, MOST_BYTES, MOST_ROWS, mapText } from '../../src/modbus/imports/imported.ts';
import { fromNodeRed } from '../../src/modbus/imports/node-red.ts';
import { fromTelegraf } from '../../src/modbus/imports/telegraf.ts';
import { fromThingsboard } from '../../src/modbus/imports/thingsboard.ts';
import { parseMap } from '../../src/modbus/map.ts';
import { mapNames, shippedFolder } from '../../src/modbus/maps.ts';
import type { Admin } from '../../src/palette/define.ts';

const formats: Readonly<Record<string, { title: string; read: (text: string) => Imported }>> = {
  telegraf: { title: 'Telegraf, inputs.modbus (TOML)', read: fromTelegraf },
  'home-assistant': { title: 'Home Assistant, modbus (YAML)', read: fromHomeAssistant },
  thingsboard: { title: 'ThingsBoard IoT Gateway (JSON)', read: fromThingsboard },
  'node-red-contrib-modbus': { title: 'node-red-contrib-modbus (JSON)', read: fromNodeRed },
};

export function register(admin: Admin): void {
  // Body: `{ format, text }`. Answers devices, each with the JSON of its map, and what could not be taken over.
  admin.act('fieldline/modbus/import', ({ body }) => {
    const { format, text } = (body ?? {}) as Record<string, unknown>;
    const known = Object.hasOwn(formats, String(format)) ? formats[String(format)] : undefined;
    if (known === undefined)
      throw new Error(`format: expected one of ${Object.keys(formats).join(', ')}, got ${JSON.stringify(format)}`);
    const { devices, problems } = known.read(textOf(text));
    return {
      problems,
      devices: devices.map(({ rows, ...device }) => ({
        ...device,
        registers: rows.length,
        map: mapText(device.name, `imported from ${known.title}`, rows),
      })),
    };
  });

  // Body: `{ map }`, its JSON. Answers for each register its place, or its fault.
  admin.act('fieldline/modbus/rows', ({ body }) =>
    checkedRows(textOf((body as Record<string, unknown> | null)?.['map'])),
  );

  // The JSON of a shipped map, to make one's own of it.
  admin.read('fieldline/modbus/map', ({ query }) => {
    const name = query['name'] ?? '';
    if (!mapNames(shippedFolder).includes(name)) throw new Error('name: expected that of a shipped map');
    return { text: readFileSync(path.join(shippedFolder, `${name}.json`), 'utf8') };
  });

  // Body: `{ text, base }`. Answers the rows and, by line, what could not be read.
  admin.act('fieldline/modbus/from-csv', ({ body }) => {
    const { text, base } = (body ?? {}) as Record<string, unknown>;
    return fromCsv(textOf(text), addressBases.find(one => String(one) === String(base)) ?? 0);
  });

  // Body: `{ map }`, its JSON.
  admin.act('fieldline/modbus/to-csv', ({ body }) => {
    const { map } = (body ?? {}) as Record<string, unknown>;
    return { text: toCsv(asObject(JSON.parse(textOf(map)))) };
  });
}

/** What is wrong with each register by itself, and where it is in all three notations. */
function checkedRows(text: string): object[] {
  const map = JSON.parse(text) as Record<string, unknown>;
  const rows = Array.isArray(map['registers']) ? (map['registers'] as unknown[]).slice(0, MOST_ROWS) : [];
  const seen = new Set<unknown>();
  return rows.map(row => {
    const { metric } = asObject(row);
    if (seen.has(metric)) return { fault: expected('metric', 'a name of its own', metric) };
    seen.add(metric);
    try {
      const [field] = parseMap(
        JSON.stringify({ ...map, name: 'map', example: undefined, registers: [row] }),
        '',
      ).fields;
      if (field === undefined) return { fault: 'expected a register' };
      const { table, address, span } = field;
      return { table, address, reference: referenceOf(table, address), span };
    } catch (error) {
      return { fault: reasonOf(error).replace(/^, (register 1(?: \([^)]*\))?, )?/, '') };
    }
  });
}

function textOf(text: unknown): string {
  if (typeof text !== 'string' || text.length > MOST_BYTES)
    throw new Error(`text: expected a text of at most ${MOST_BYTES} characters`);
  return text;
}
