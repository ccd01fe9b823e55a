// Telegraf: all three styles of inputs.modbus, and the TOML that they are written in.
import assert from 'node:assert/strict';
import { check, shown } from './imports.fixture.ts';
import { fromTelegraf } from './telegraf.ts';
import { parseToml } from './toml.ts';

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

  it('refuses addresses that do not follow one another, as a slip of the pen leaves them', () => {
    const field = (address: string) =>
      `{ name = "i", data_type = "FLOAT32-IEEE", scale = 1.0, address = [${address}] }`;
    const text = `[[inputs.modbus]]\nslave_id=1\ninput_registers=[${['8,9', '19012,19001', '5,4'].map(field).join()}]`;
    const { devices, problems } = check(fromTelegraf(text));
    assert.deepEqual(devices[0]?.rows, [{ metric: 'i', table: 'input', address: 8, type: 'float32' }]);
    assert.deepEqual(
      problems.map(problem => /i: addresses that do not follow/.test(problem)),
      [true, true],
    );
  });

  it('takes the long names of byte orders', () => {
    const fields = ['MSW-BE', 'LSW-BE', 'MSW-LE', 'LSW-LE'].map(
      (order, at) => `{ address=${2 * at}, name="f", type="INT32", byte_order="${order}" }`,
    );
    const text = `[[inputs.modbus]]\n[[inputs.modbus.metric]]\nslave_id=1\nfields=[${fields.join()}]`;
    assert.deepEqual(
      check(fromTelegraf(text)).devices[0]?.rows.map(({ order = 'ABCD' }) => order),
      ['ABCD', 'CDAB', 'BADC', 'DCBA'],
    );
  });

  it('reads long files in a time that grows with them', () => {
    const alike = `[[inputs.modbus]]\ninterval="${'1'.repeat(100_000)}"\ncoils=[${'{address=[1]},'.repeat(40_000)}]`;
    const { devices, problems } = fromTelegraf(alike);
    assert.deepEqual([devices[0]?.periodMs, devices[0]?.rows.at(-1)?.metric], [undefined, 'coil_1_2000']);
    assert.equal(problems.length, 38_000);
    assert.equal((parseToml('[[a]]\n'.repeat(100_000))['a'] as unknown[]).length, 100_000);
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
