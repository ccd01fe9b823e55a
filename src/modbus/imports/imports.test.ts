// Register maps that users own already: taken over from five formats, with a report of what could not be, and never a crash.
import assert from 'node:assert/strict';
import { parseMap } from '../map.ts';
import { fromCsv, toCsv } from './csv.ts';
import { fromHomeAssistant } from './home-assistant.ts';
import { type Imported, mapText, type Row } from './imported.ts';
import { fromNodeRed } from './node-red.ts';
import { fromTelegraf } from './telegraf.ts';
import { fromThingsboard } from './thingsboard.ts';
import { parseToml } from './toml.ts';

/** `metric table address type order …` of each row, by device. */
const shown = ({ devices }: Imported) =>
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
function check(imported: Imported): Imported {
  for (const { name, rows } of imported.devices)
    if (rows.length > 0) assert.equal(parseMap(mapText(name, 'imported', rows), 'm').fields.length, rows.length);
  return imported;
}

describe('import from Telegraf', () => {
  it('takes all three styles', () => {
    const imported = check(
      fromTelegraf(`
[agent]
  interval = "10s"
# a gateway
[[inputs.modbus]]
  name = "gateway"
  controller = "tcp://10.0.0.7:502"
  interval = "1m30s"
  slave_id = 3
  discrete_inputs = [ { name = "start", address = [0] } ]
  holding_registers = [
    { name = "PowerFactor", byte_order = "AB", data_type = "FIXED", scale = 0.01, address = [8] },
    { name = "Energy", byte_order = "ABCD", data_type = "FLOAT32-IEEE", scale = 1.0, address = [5, 6] }, # kWh
    { name = "Counter", byte_order = "CDAB", data_type = "UINT32", scale = 1.0, address = [10,11] },
    { name = "Odd", byte_order = "AB", data_type = "WORD", scale = 1.0, address = [12] },
  ]
[[inputs.modbus]]
  controller = "file:///dev/ttyUSB0"
  configuration_type = "request"
  [[inputs.modbus.request]]
    slave_id = 1
    byte_order = "DCBA"
    register = "input"
    fields = [
      { address=0, name="current", type="INT16", scale=0.1 },
      { address=1, type="FLOAT64" },
      { address=9, name="skipped", type="INT16", omit=true },
    ]
  [[inputs.modbus.request]]
    slave_id = 2
    register = "coil"
    fields = [ { address=7, name="motor 1" } ]
[[inputs.modbus]]
  controller = "tcp://h:502"
  [[inputs.modbus.metric]]
    slave_id = 9
    byte_order = "ABCD"
    fields = [ { register="holding", address=4, name="status", type="BIT", bit=3 },
               { register="input", address=6, name="text", type="STRING", length=4 } ]
`),
    );
    assert.deepEqual(shown(imported), [
      [
        'tcp://10.0.0.7:502',
        3,
        90_000,
        [
          'start discrete 0',
          'powerfactor holding 8 int16 {"scale":0.01}',
          'energy holding 5 float32',
          'counter holding 10 uint32 CDAB',
        ],
      ],
      [
        'file:///dev/ttyUSB0',
        1,
        undefined,
        ['current input 0 int16 DCBA {"scale":0.1}', 'input_1 input 1 float64 DCBA'],
      ],
      ['file:///dev/ttyUSB0', 2, undefined, ['motor_1 coil 7']],
      ['tcp://h:502', 9, undefined, ['status holding 4 bit {"bit":3}', 'text input 6 string {"length":4}']],
    ]);
    assert.equal(imported.problems.length, 1);
    assert.match(imported.problems[0] ?? '', /^gateway, unit 3, Odd: type: expected INT8L, .*, got "WORD"/);
  });

  it('names the line of a text that is no TOML', () =>
    assert.match(fromTelegraf('[[inputs.modbus]]\nname = \n').problems[0] ?? '', /line 2: expected a value/));

  it('reads what TOML may write in many ways', () => {
    const read = parseToml(
      `a.b = 1_000\n"c d" = 'x\\y'\ne = [1, [2, "3"],]\nf = { g = true, h.i = -1.5e3 }\nj = """\nk\n"""\n`,
    );
    assert.deepEqual(JSON.parse(JSON.stringify(read)), {
      ...{ a: { b: 1000 }, 'c d': 'x\\y', e: [1, [2, '3']], f: { g: true, h: { i: -1500 } }, j: 'k\n' },
    });
  });
});

describe('import from Home Assistant', () => {
  it('takes sensors and binary sensors by unit', () => {
    const imported = check(
      fromHomeAssistant(`
homeassistant: !include x.yaml
modbus:
  - name: hub1
    type: tcp
    host: 192.168.1.5
    port: 502
    sensors:
      - name: Außentemperatur
        slave: 2
        address: 100
        input_type: input
        data_type: int16
        scale: 0.1
        offset: -5
        unit_of_measurement: °C
        scan_interval: 30
      - { name: Energy, slave: 2, address: 0x10, data_type: float32, swap: word, scan_interval: 30 }
      - { name: Serial, slave: 3, address: 20, data_type: string, count: 8 }
      - { name: Bad, slave: 3, address: 21, data_type: custom, structure: ">h" }
    binary_sensors:
      - { name: Pump, slave: 3, address: 4, scan_interval: 5 }
    switches: [ { name: x, address: 1 } ]
`),
    );
    assert.deepEqual(shown(imported), [
      [
        '192.168.1.5:502',
        2,
        30_000,
        ['au_entemperatur input 100 int16 {"scale":0.1,"offset":-5,"unit":"°C"}', 'energy holding 16 float32 CDAB'],
      ],
      [
        '192.168.1.5:502',
        3,
        undefined,
        ['serial holding 20 string {"length":8,"every":15000}', 'pump coil 4 {"every":5000}'],
      ],
    ]);
    assert.equal(imported.problems.length, 2);
    assert.match(imported.problems.join('; '), /switches are not read.*Bad: data_type: expected .*, got "custom"/);
  });
});

describe('import from ThingsBoard', () => {
  it('takes timeseries and attributes with their orders', () => {
    const slave = (more: object) => ({
      host: '127.0.0.1',
      port: 5021,
      type: 'tcp',
      unitId: 2,
      pollPeriod: 5000,
      ...more,
    });
    const imported = check(
      fromThingsboard(
        JSON.stringify({
          master: {
            slaves: [
              slave({
                ...{ deviceName: 'Temp Sensor', byteOrder: 'BIG', wordOrder: 'LITTLE' },
                timeseries: [
                  { tag: 'temperature', type: '32float', functionCode: 3, objectsCount: 2, address: 4 },
                  { tag: 'voltage', type: '16uint', functionCode: 4, objectsCount: 1, address: 6, divider: 10 },
                  { tag: 'door', type: 'bits', functionCode: 1, objectsCount: 1, address: 7 },
                  { tag: 'bad', type: '16int', functionCode: 6, address: 8 },
                ],
                attributes: [{ tag: 'model', type: 'string', functionCode: 3, objectsCount: 4, address: 0 }],
                rpc: [{ tag: 'set', type: '16int', functionCode: 6, address: 9 }],
              }),
              slave({
                deviceName: 'L',
                byteOrder: 'LITTLE',
                timeseries: [{ tag: 'x', type: '64int', functionCode: 3, address: 1 }],
              }),
            ],
          },
        }),
      ),
    );
    assert.deepEqual(shown(imported), [
      [
        ...['127.0.0.1:5021', 2, 5000],
        [
          'temperature holding 4 float32 CDAB',
          'voltage input 6 uint16 CDAB {"scale":0.1}',
          'door coil 7',
          'model holding 0 string CDAB {"length":4}',
        ],
      ],
      ['127.0.0.1:5021', 2, 5000, ['x holding 1 int64 DCBA']],
    ]);
    assert.match(imported.problems.join('; '), /bad: functionCode: expected 1, 2, 3 or 4, got 6; .*rpc write/);
  });
});

describe('import from node-red-contrib-modbus', () => {
  it('takes reading nodes of a flow, and flex messages', () => {
    const flow = [
      {
        id: 'c',
        type: 'modbus-client',
        name: 'plc',
        clienttype: 'tcp',
        tcpHost: '10.0.0.2',
        tcpPort: '502',
        unit_id: 5,
      },
      {
        id: '1',
        type: 'modbus-read',
        name: 'flow',
        dataType: 'HoldingRegister',
        adr: '10',
        quantity: '2',
        rate: '5',
        rateUnit: 's',
        server: 'c',
        unitid: '',
      },
      {
        id: '2',
        type: 'modbus-getter',
        name: 'alarm',
        dataType: 'Coil',
        adr: '3',
        quantity: '1',
        server: 'c',
        unitid: '7',
      },
      {
        id: '3',
        type: 'modbus-read',
        name: 'broken',
        dataType: 'HoldingRegister',
        adr: '-1',
        quantity: '2',
        server: 'c',
      },
      { id: '4', type: 'modbus-flex-getter', name: 'flex', server: 'c' },
      { id: '5', type: 'debug' },
    ];
    const imported = check(fromNodeRed(JSON.stringify(flow)));
    assert.deepEqual(shown(imported), [
      [
        ...['10.0.0.2:502', 5, undefined],
        ['flow_10 holding 10 uint16 {"every":5000}', 'flow_11 holding 11 uint16 {"every":5000}'],
      ],
      ['10.0.0.2:502', 7, undefined, ['alarm coil 3']],
    ]);
    assert.match(
      imported.problems.join('; '),
      /no types.*broken: what is read.*flex: what it reads is in its messages/,
    );
    assert.deepEqual(shown(check(fromNodeRed('{"fc":4,"unitid":2,"address":7,"quantity":1}'))), [
      ['', 2, undefined, ['input_7 input 7 uint16']],
    ]);
  });
});

describe('registers as CSV', () => {
  it('reads pasted tables with any heading and separator, and reports the lines it cannot read', () => {
    const table = fromCsv(
      'Name;Address;Data_Type;Byte_Order;Factor;Unit;Colour\n' +
        'power;100;FLOAT32;cdab;;W;red\n' +
        'temp;0x66;int16;;0,1;"°C; outside";\n' +
        '\n# a comment\n' +
        'bad;70000;int16;;;;\n' +
        'power;1;int16;;;;\n' +
        'odd;1;word;;;;\n',
    );
    assert.deepEqual(table.rows, [
      { metric: 'power', address: '100', type: 'float32', order: 'CDAB', unit: 'W' },
      { metric: 'temp', address: 102, type: 'int16', scale: 0.1, unit: '°C; outside' },
    ]);
    assert.deepEqual(
      table.problems.map(({ line, says }) => `${line} ${says.slice(0, 44)}`),
      [
        '1 column Colour is not known',
        '6 address: expected a number from 0 to 65535, ',
        '7 metric: expected a name of its own, got "pow',
        '8 type: expected one of int16, uint16, int32, ',
      ],
    );
  });

  it('takes a table without a heading in the usual order, also with tabs', () =>
    assert.deepEqual(fromCsv('a\t40001\tuint16\tABCD\t0.5\n', '4xxxx').rows, [
      { metric: 'a', address: '40001', type: 'uint16', order: 'ABCD', scale: 0.5 },
    ]));

  it('writes what it reads', () => {
    const rows = [
      { metric: 'a', address: 1, type: 'enum', names: { 1: 'on', 2: 'off, "really"' }, table: 'input' },
      { metric: 'b', address: 2, type: 'int16', scale: 0.1, unit: 'l/s' },
    ];
    const back = fromCsv(toCsv(rows)).rows;
    assert.deepEqual(
      back.map(row => ({ ...row, address: Number(row['address']) })),
      rows,
    );
  });
});

describe('an import of anything', () => {
  const importers = { fromTelegraf, fromHomeAssistant, fromThingsboard, fromNodeRed };
  const texts = [
    '',
    'null',
    '[]',
    '{}',
    '[[',
    '{"master":{"slaves":[null,1,{"timeseries":[null,{}]}]}}',
    'modbus: [1, {sensors: [null, 2]}]',
    '[[inputs.modbus]]\n[[inputs.modbus.request]]\nfields=[1,{}]',
    '[{"type":"modbus-read"}]',
    '__proto__ = 1\n[__proto__.x]\ny = 2',
    '\u0000\uffff',
    '[1,2,"x"]',
  ];
  for (const [name, read] of Object.entries(importers))
    it(`${name} answers with rows or with reasons`, () => {
      for (const text of texts) {
        const { devices, problems } = check(read(text));
        assert.ok(problems.length > 0 || devices.length > 0, JSON.stringify(text));
      }
      assert.equal(({} as Record<string, unknown>)['x'], undefined);
    });
  it('fromCsv as well', () => {
    for (const text of texts) fromCsv(text);
  });
});
