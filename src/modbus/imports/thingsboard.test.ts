// ThingsBoard IoT Gateway: the connector as a file and as its cloud exports it.
import assert from 'node:assert/strict';
import { check, shown } from './imports.fixture.ts';
import { fromThingsboard } from './thingsboard.ts';

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
                timeseries: [
                  { tag: 'x', type: '64int', functionCode: 3, address: 1 },
                  { tag: 'text', type: 'string', functionCode: 3, objectsCount: 2, address: 9 },
                ],
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
          'model holding 0 string {"length":4}',
        ],
      ],
      ['127.0.0.1:5021', 2, 5000, ['x holding 1 int64 DCBA', 'text holding 9 string {"length":2}']],
    ]);
    assert.match(imported.problems.join('; '), /bad: functionCode: expected 1, 2, 3 or 4, got 6; .*rpc write/);
  });
});

describe('import from ThingsBoard, as its cloud exports it', () => {
  it('finds the connector in it', () => {
    const timeseries = [{ tag: 't', type: '16int', functionCode: 4, address: 3 }];
    const configurationJson = { name: 'Modbus', master: { slaves: [{ deviceName: 'd', unitId: 7, timeseries }] } };
    const whole = { Modbus: { name: 'Modbus', type: 'modbus', configurationJson } };
    assert.deepEqual(shown(check(fromThingsboard(JSON.stringify(whole))))[0]?.slice(1), [
      ...[7, undefined, ['t input 3 int16']],
    ]);
    assert.equal(fromThingsboard(JSON.stringify({ configurationJson })).devices.length, 1);
  });
});
