// Admin endpoints of the dialog that take over registers: from other programs, from tables of text, and back into one.
import { addressBases } from '../../src/modbus/address.ts';
import { fromCsv, toCsv } from '../../src/modbus/imports/csv.ts';
import { fromHomeAssistant } from '../../src/modbus/imports/home-assistant.ts';
import { type Imported, MOST_BYTES, mapText } from '../../src/modbus/imports/imported.ts';
import { fromNodeRed } from '../../src/modbus/imports/node-red.ts';
import { fromTelegraf } from '../../src/modbus/imports/telegraf.ts';
import { fromThingsboard } from '../../src/modbus/imports/thingsboard.ts';
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

  // Body: `{ text, base }`. Answers the rows and, by line, what could not be read.
  admin.act('fieldline/modbus/from-csv', ({ body }) => {
    const { text, base } = (body ?? {}) as Record<string, unknown>;
    return fromCsv(textOf(text), addressBases.find(one => String(one) === String(base)) ?? 0);
  });

  // Body: `{ rows }`, as they stand in a map.
  admin.act('fieldline/modbus/to-csv', ({ body }) => {
    const { rows } = (body ?? {}) as Record<string, unknown>;
    return { text: toCsv(Array.isArray(rows) ? (rows as Record<string, unknown>[]) : []) };
  });
}

function textOf(text: unknown): string {
  if (typeof text !== 'string' || text.length > MOST_BYTES)
    throw new Error(`text: expected a text of at most ${MOST_BYTES} characters`);
  return text;
}
