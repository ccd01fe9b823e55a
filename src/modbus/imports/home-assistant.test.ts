// Home Assistant: sensors of hubs by unit, what stands for no value, and what a configuration keeps elsewhere.
import assert from 'node:assert/strict';
import { fromHomeAssistant } from './home-assistant.ts';
import { check, shown } from './imports.fixture.ts';

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
        ['aussentemperatur input 100 int16 {"scale":0.1,"offset":-5,"unit":"°C"}', 'energy holding 16 float32 CDAB'],
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

  it('takes what stands for no value, and sensors that stand for several', () => {
    const imported = check(
      fromHomeAssistant(`
- name: hub
  type: tcp
  host: h
  port: 502
  sensors:
    - { name: u, address: 1, data_type: uint16, nan_value: 0xFFFF }
    - { name: i, address: 2, data_type: int32, swap: word, nan_value: 0x7FFFFFFF }
    - { name: low, address: 4, nan_value: -32768 }
    - { name: cell, address: 10, data_type: float32, virtual_count: 2 }
  binary_sensors:
    - { name: relay, address: 7, slave_count: 1 }
    - { name: door, address: 20, input_type: holding, virtual_count: 1 }
`),
    );
    assert.deepEqual(shown(imported)[0]?.[3], [
      'u holding 1 uint16 {"notImplemented":["FFFF"]}',
      'i holding 2 int32 CDAB {"notImplemented":["7FFFFFFF","80000001"]}',
      'low holding 4 int16 {"notImplemented":["8000"]}',
      ...['cell holding 10 float32', 'cell_2 holding 12 float32', 'cell_3 holding 14 float32'],
      ...['relay coil 7', 'relay_2 coil 8'],
      ...['door holding 20 bit {"bit":0}', 'door_2 holding 21 bit {"bit":0}'],
    ]);
  });

  it('leaves out a period that no poll has, and a register that cannot be', () => {
    const { devices, problems } = check(
      fromHomeAssistant(`
- name: hub
  sensors:
    - { name: asked for, address: 1, scan_interval: 0 }
    - { name: weekly, address: 2, scan_interval: 604800 }
    - { name: long, address: 3, data_type: string, count: 200 }
    - { name: last, address: 65535, data_type: float32 }
`),
    );
    assert.deepEqual(devices[0]?.rows, [
      { metric: 'asked_for', table: 'holding', address: 1, type: 'int16' },
      { metric: 'weekly', table: 'holding', address: 2, type: 'int16' },
    ]);
    assert.deepEqual(
      problems.map(problem => problem.replace(/^hub, unit 1, /, '').slice(0, 40)),
      [
        'asked for: every: expected 10 to 8640000',
        'weekly: every: expected 10 to 86400000 m',
        'long: length: expected 1 to 125 register',
        'last: address: expected room for 2 regis',
      ],
    );
  });

  it('takes the last of keys that stand twice, and says so', () => {
    const { devices, problems } = fromHomeAssistant(
      '- name: h\n  sensors: []\n  sensors: [{ name: a, address: 1, address: 2 }]\n',
    );
    assert.deepEqual(
      devices[0]?.rows.map(({ address }) => address),
      [2],
    );
    assert.deepEqual(problems, ['of keys that stand twice the last one is taken: sensors, address']);
  });

  it('refuses a text that is too long to be read', () => {
    assert.match(fromHomeAssistant(`#${' '.repeat(200_000)}`).problems.join(), /more than 200000 characters/);
  });

  it('reads the section modbus of a whole configuration that is longer', () => {
    const template = `  - sensor: { name: x, state: "{{ states('sensor.a') }}" }\n`.repeat(5000);
    const sensors = Array.from({ length: 300 }, (_, at) => `      - { name: s${at}, address: ${at} }\n`).join('');
    const text = `template:\n${template}# Inverters\n"modbus":\n  - name: h\n    sensors:\n# first\n${sensors}automation:\n${template}`;
    const { devices, problems } = fromHomeAssistant(text);
    assert.deepEqual(problems, []);
    assert.deepEqual([devices[0]?.name, devices[0]?.rows.length], ['h', 300]);
    assert.match(fromHomeAssistant(text.replace('"modbus":', 'other:')).problems.join(), /no section modbus/);
    const wrong = fromHomeAssistant(text.replace('- { name: s2,', '- { name: [s2,')).problems.join();
    assert.match(wrong, /at line 500[89]|at line 5010/, 'with the line of the file');
  });

  // Each is an error of its own; to show the lines about each took minutes.
  it('ends with a text of nothing but errors, and says where the first one is', () => {
    assert.match(
      fromHomeAssistant(`[${','.repeat(150_000)}`).problems.join(),
      /^expected YAML.* at line 1, column \d\)$/,
    );
  });

  it('says that a unit is a secret', () => {
    const { devices, problems } = fromHomeAssistant(
      'modbus:\n  - name: h\n    sensors:\n      - { name: a, address: 1, device_address: !secret unit_of_inverter }\n',
    );
    assert.equal(devices[0]?.unit, 1);
    assert.match(problems.join(), /^h: unit unit_of_inverter is not a number here \(a secret\?\); taken as 1$/);
  });
});
