// node-red-contrib-modbus: flows, messages and IO files.
import assert from 'node:assert/strict';
import { check, shown } from './imports.fixture.ts';
import { fromNodeRed } from './node-red.ts';

describe('import of an IO file of node-red-contrib-modbus', () => {
  const line = (name: string, valueAddress: string) => JSON.stringify({ name, valueAddress });
  it('takes types from names and tables from addresses', () => {
    const text = [
      line('Modbus Holding Registers', '%IW0'),
      ...[line('iCount', '%IW0'), line('iLong', '%ID1'), line('wState', '%IW3'), line('fFlow', '%QD5')],
      ...[line('dTotal', '%QW7'), line('bPump', '%QX8.0'), line('bDoor', '%QX9.3'), line('bOdd', '%QW1')],
      ...['', 'no json', line('x', 'DB1.0')],
    ].join('\r\n');
    const imported = check(fromNodeRed(text));
    assert.deepEqual(shown(imported)[0]?.[3], [
      ...['count holding 0 int16', 'long holding 1 int32', 'state holding 3 uint16', 'flow input 5 float32'],
      ...['total input 7 float64', 'pump input 4 bit {"bit":0}', 'door input 4 bit {"bit":11}'],
    ]);
    assert.match(
      imported.problems.join('; '),
      /line 1, Modbus.*line 9, bOdd: name: .*line 12, x: valueAddress: .*check/,
    );
  });

  it('takes references for what they are', () => {
    const { devices, problems } = fromNodeRed(line('fVolts', '%QD30001'));
    assert.equal(devices[0]?.rows[0]?.address, 0);
    assert.match(problems[0] ?? '', /begin at 30001/);
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
