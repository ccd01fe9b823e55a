// The check of settings: the same function speaks in the editor and at start.
import assert from 'node:assert/strict';
import { emptyMeans, type Field, fault } from './fields.ts';
import { checkSettings } from './settings.ts';

const seconds: Field = { kind: 'number', label: 'Window', unit: 's', help: '', initial: 10, min: 0.1, max: 86400 };
const any: Field = { kind: 'number', label: 'Offset', help: '', initial: 0 };
const most: Field = { kind: 'number', label: 'Most', help: '', initial: 0, max: 9 };
const whole: Field = { kind: 'number', label: 'Count', help: '', initial: 1, min: 1, integer: true };
const policy: Field = {
  kind: 'choice',
  label: 'Policy',
  help: '',
  initial: 'disk',
  options: [
    ['drop', 'drop'],
    ['disk', 'disk'],
  ],
};
const filter: Field = {
  kind: 'text',
  label: 'Filter',
  help: '',
  initial: '',
  pattern: '^[^#]*#?$',
  says: 'a topic filter',
};
const optional: Field = { kind: 'text', label: 'Name', help: '', initial: '', optional: true };
const rows: Field = { kind: 'list', label: 'Topics', help: '', initial: [], columns: { filter, policy } };

describe('palette: fields', () => {
  const table: [name: string, field: Field, value: unknown, reason: string | undefined][] = [
    ['number', seconds, 5, undefined],
    ['number as text, as the editor stores it', seconds, '5.5', undefined],
    ['number too small', seconds, '0', 'Window: expected a number from 0.1 to 86400 s, got "0"'],
    ['not a number', seconds, 'soon', 'Window: expected a number from 0.1 to 86400 s, got "soon"'],
    ['blank is no number', seconds, ' ', 'Window: expected a number from 0.1 to 86400 s, got " "'],
    ['infinite', seconds, 'Infinity', 'Window: expected a number from 0.1 to 86400 s, got "Infinity"'],
    ['broken whole number', whole, 1.5, 'Count: expected a whole number from 1, got 1.5'],
    ['no number, without bounds', any, 'x', 'Offset: expected a number, got "x"'],
    ['too large, without a least one', most, 10, 'Most: expected a number up to 9, got 10'],
    ['empty', seconds, '', 'Window: expected a value, got nothing'],
    ['choice', policy, 'drop', undefined],
    ['wrong choice', policy, 'keep', 'Policy: expected one of drop, disk, got "keep"'],
    ['text by pattern', filter, 'a/#', undefined],
    ['text against pattern', filter, 'a/#/b', 'Filter: expected a topic filter, got "a/#/b"'],
    ['text that is an object', filter, {}, 'Filter: expected text, got {}'],
    ['optional and empty', optional, '', undefined],
    ['rows', rows, [{ filter: 'a', policy: 'drop' }], undefined],
    [
      'a wrong row is named',
      rows,
      [
        { filter: 'a', policy: 'drop' },
        { filter: '#/a', policy: 'drop' },
      ],
      'Topics, row 2: Filter: expected a topic filter, got "#/a"',
    ],
    ['rows that are none', rows, 'a', 'Topics: expected rows, got "a"'],
    ['a row that is null', rows, [null], 'Topics, row 1: Filter: expected a value, got nothing'],
  ];
  for (const [name, field, value, reason] of table) it(name, () => assert.equal(fault(field, value), reason));

  it('is one plain function of two parameters, so that the editor shows its reason', () =>
    assert.equal(fault.length, 2));
});

describe('palette: settings', () => {
  const fields = {
    seconds,
    policy,
    rows,
    key: { kind: 'typed', label: 'Key', help: '', initial: 'payload', initialType: 'msg', types: ['msg'] },
  } as const;

  it('takes the initial value where the operator saved none, and converts texts', () => {
    assert.deepEqual(checkSettings(fields, { seconds: '2.5', rows: [{ filter: 'a', policy: 'drop' }] }), {
      faults: [],
      warnings: [],
      settings: {
        seconds: 2.5,
        policy: 'disk',
        rows: [{ filter: 'a', policy: 'drop' }],
        key: { value: 'payload', type: 'msg' },
      },
    });
  });

  it('names every fault at once', () => {
    const { faults } = checkSettings(fields, { seconds: 'x', policy: 'y' });
    assert.equal(faults.length, 2);
  });

  it('takes the highest for what an earlier version took, and warns', () => {
    const connections = { ...seconds, max: 20, clamped: true } as const;
    for (const [saved, taken, told] of [
      [50, 20, 1],
      ['50', 20, 1],
      [20, 20, 0],
      [Number.POSITIVE_INFINITY, 20, 1],
    ] as const) {
      const { settings, faults, warnings } = checkSettings({ connections }, { connections: saved });
      assert.deepEqual([settings.connections, faults, warnings.length], [taken, [], told], String(saved));
    }
    assert.equal(checkSettings({ connections }, { connections: -1 }).faults.length, 1);
    assert.equal(
      checkSettings({ connections: { ...connections, clamped: false } }, { connections: 50 }).faults.length,
      1,
    );
  });

  const helps: [help: string, means: string][] = [
    ['Ids. Empty: the name of the node. More.', 'the name of the node'],
    ['Addresses or their beginnings; empty means all devices.', 'all devices'],
    ['None: the broker of this gateway, or the one of MQTT_URL.', 'the broker of this gateway, or the one of MQTT_URL'],
    ['May stay empty with demo instruments only.', ''],
  ];
  for (const [help, means] of helps)
    it(`an empty field shows "${means}"`, () => assert.equal(emptyMeans({ ...optional, help }), means));
});
