// Register maps: the shipped ones prove themselves by their example, wrong ones are named to the register.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Ajv } from 'ajv';
import { exampleFaults } from './example.ts';
import { mapKeys, parseMap } from './map.ts';
import { findMap, mapNames, shippedFolder } from './maps.ts';
import { registerKeys } from './register.ts';

const minimal = (register: object, map: object = {}) =>
  JSON.stringify({
    name: 'm',
    table: 'holding',
    ...map,
    registers: [{ metric: 'a', address: 0, type: 'int16', ...register }],
  });
const place = (register: object, map: object = {}) => {
  const field = parseMap(minimal(register, map), 'm.json').fields[0];
  return `${field?.table} ${field?.address}`;
};

describe('shipped register maps', () => {
  for (const name of mapNames(shippedFolder))
    it(`${name} cites its document and gives its example`, () => {
      const map = findMap(name, undefined);
      assert.equal(map.name, name);
      assert.ok(map.document !== '' && map.page !== '', 'document and page');
      assert.ok(map.example, 'example');
      // What a site agreed on, and what only its maker's manual knows, has nothing to be compared with.
      if (!name.startsWith('nivus')) assert.ok(map.checked.length >= 2, 'two sources beside the document');
      assert.notEqual(map.example.from, '', 'where the words of the example come from');
      assert.deepEqual(exampleFaults(map), []);
      assert.deepEqual(
        Object.keys(map.example.gives).sort(),
        map.fields.map(({ metric }) => metric).sort(),
        'all registers',
      );
    });

  it('are the two of the flow meters of seed 004 and common meters and inverters', () => {
    const names = mapNames(shippedFolder);
    for (const name of ['nivus-float32', 'nivusonic-input', 'eastron-sdm630', 'sunspec-inverter'])
      assert.ok(names.includes(name), name);
    assert.ok(names.length >= 10);
  });

  it('fit their schema', () => {
    const schema = JSON.parse(readFileSync(new URL('./register-map.schema.json', import.meta.url), 'utf8'));
    const fits = new Ajv({ strict: false }).compile(schema);
    for (const name of mapNames(shippedFolder)) {
      fits(JSON.parse(readFileSync(path.join(shippedFolder, `${name}.json`), 'utf8')));
      assert.deepEqual(fits.errors, null, name);
    }
  });

  it('nivus-float32 has the registers of seed 004', () => {
    const fields = findMap('nivus-float32', undefined).fields.map(
      f => `${f.metric} ${f.table} ${f.address}+${f.span} ${f.type} ${f.order}`,
    );
    assert.deepEqual(fields, [
      'flow_rate holding 0+2 float32 ABCD',
      'totalizer holding 2+2 float32 ABCD',
      'temperature holding 4+2 float32 ABCD',
      'status holding 10+1 uint16 ABCD',
    ]);
  });

  it('nivusonic-input takes the span of the site as a parameter', () => {
    const flow = findMap('nivusonic-input', undefined, { flow_span: 3.2767 }).fields[0];
    assert.ok(flow && Math.abs(flow.scale - 0.0001) < 1e-15);
  });

  it('the schema knows the same keys as the check', () => {
    const schema = JSON.parse(readFileSync(new URL('./register-map.schema.json', import.meta.url), 'utf8'));
    assert.deepEqual(Object.keys(schema.properties).sort(), [...mapKeys].sort());
    assert.deepEqual(Object.keys(schema.properties.registers.items.properties).sort(), [...registerKeys].sort());
  });
});

describe('a register', () => {
  it('may have the orders of four words, a factor, a period, bits and what its device cannot take', () => {
    const map = parseMap(
      minimal(
        { type: 'uint64', order: 'GHEFCDAB', address: 40010, scaleFactor: 40014, every: 5000 },
        { base: '4xxxx', table: undefined, maxWords: 40, gapBudget: 0 },
      ),
      'm.json',
    );
    const [field] = map.fields;
    assert.equal(field?.order, 'CDAB');
    assert.deepEqual(field?.factor, { metric: 'scale factor of a', table: 'holding', address: 13, span: 1 });
    assert.equal(field?.every, 5000);
    assert.deepEqual(map.limits, { maxWords: 40, gapBudget: 0 });
  });

  it('of a SunSpec map says itself when it is not implemented', () => {
    const absent = (type: string) =>
      parseMap(minimal({ model: 1, type }, { sunspec: true }), 'm.json').fields[0]?.notImplemented;
    assert.deepEqual(['int16', 'uint32', 'int64', 'float32'].map(absent), [
      ['8000'],
      ['FFFFFFFF'],
      ['8000000000000000'],
      [],
    ]);
  });
});

describe('addresses', () => {
  const cases: [register: object, map: object, place: string][] = [
    [{ address: 0 }, {}, 'holding 0'],
    [{ address: 65535 }, { base: 0 }, 'holding 65535'],
    [{ address: 1 }, { base: 1 }, 'holding 0'],
    [{ address: 65536 }, { base: 1 }, 'holding 65535'],
    [{ address: 7, table: 'input' }, { base: 1 }, 'input 6'],
    [{ address: 40001 }, { base: '4xxxx' }, 'holding 0'],
    [{ address: '40100' }, { base: '4xxxx' }, 'holding 99'],
    [{ address: 400001 }, { base: '4xxxx' }, 'holding 0'],
    [{ address: 465536 }, { base: '4xxxx' }, 'holding 65535'],
    [{ address: 30007 }, { base: '4xxxx' }, 'input 6'],
    [{ address: 10003, type: 'bool' }, { base: '4xxxx' }, 'discrete 2'],
    [{ address: '00005', type: 'bool' }, { base: '4xxxx' }, 'coil 4'],
    [{ address: 5, type: 'bool' }, { base: '4xxxx' }, 'coil 4'],
  ];
  for (const [register, map, wanted] of cases)
    it(`${JSON.stringify({ ...register, ...map })} is ${wanted}`, () => assert.equal(place(register, map), wanted));
});

describe('a wrong register map is named', () => {
  const cases: [what: string, text: string, message: RegExp][] = [
    ['no JSON', '{"name":', /^m\.json: expected JSON, got a text that is none/],
    ['no object', '[1]', /^m\.json: expected an object, got \[1\]/],
    ['no registers', '{"name":"m"}', /^m\.json, registers: expected a list of 1 to 2000, got nothing/],
    ['an unknown key', minimal({ sacle: 2 }), /m\.json, register 1 \(a\): expected one of metric, .*, got "sacle"/],
    ['an unknown key of the map', minimal({}, { bse: 1 }), /m\.json: expected one of .*, got "bse"/],
    ['a bad name', minimal({}, { name: '../x' }), /m\.json, name: expected lower-case letters/],
    ['a bad metric', minimal({ metric: '__proto__' }), /register 1 \(__proto__\), metric: expected a letter/],
    ['a bad type', minimal({ type: 'float' }), /register 1 \(a\), type: expected one of int16, .*, got "float"/],
    ['a missing type', minimal({ type: undefined }), /register 1 \(a\), type: expected one of .*, got nothing/],
    [
      'a bad order',
      minimal({ order: 'ACBD' }),
      /register 1 \(a\), order: expected one of ABCD, CDAB, BADC, DCBA, got "ACBD"/,
    ],
    [
      'address 0 counted from 1',
      minimal({}, { base: 1 }),
      /register 1 \(a\), address: expected a number from 1 to 65536, got 0/,
    ],
    ['a negative address', minimal({ address: -1 }), /address: expected a whole number, got -1/],
    [
      'an address past the end',
      minimal({ address: 65535, type: 'int32' }),
      /address: expected room for 2 registers, got 65535/,
    ],
    ['no reference', minimal({ address: 20001 }, { base: '4xxxx' }), /address: expected a reference such as 40001/],
    ['reference 40000', minimal({ address: 40000 }, { base: '4xxxx' }), /address: expected a reference/],
    [
      'a reference of another table',
      minimal({ address: 30001, table: 'holding' }, { base: '4xxxx' }),
      /expected a reference of table holding, not of input, got 30001/,
    ],
    ['no table', minimal({}, { table: undefined }), /address: expected a table .* beside it, got 0/],
    ['a number of a coil', minimal({ table: 'coil' }), /type: expected one of bool, got "int16"/],
    ['scale 0', minimal({ scale: 0 }), /scale: expected a number other than 0, got 0/],
    ['a scale in words', minimal({ scale: '0.1' }), /scale: expected a number other than 0, got "0.1"/],
    ['an unknown span', minimal({ scale: { span: 'x', digits: 10 } }), /scale, span: expected one of/],
    ['a bit past 15', minimal({ type: 'bit', bit: 16 }), /bit: expected a bit from 0 to 15, got 16/],
    ['a text without length', minimal({ type: 'string' }), /length: expected 1 to 125 registers, got nothing/],
    ['an enum without names', minimal({ type: 'enum' }), /names: expected names by code, got nothing/],
    [
      'a pattern of wrong length',
      minimal({ notImplemented: '80000000' }),
      /notImplemented: expected 4 hex digits, got "80000000"/,
    ],
    ['bits past the end', minimal({ type: 'bits', bit: 8, width: 9 }), /width: expected 1 to 8 bits, got 9/],
    ['a bit that is not told', minimal({ type: 'bit' }), /bit: expected a bit from 0 to 15, got nothing/],
    ['a date without format', minimal({ type: 'datetime' }), /format: expected one of unix, .*, got nothing/],
    [
      'a date of another length',
      minimal({ type: 'datetime', format: 'iec870', length: 2 }),
      /length: expected 4 registers, got 2/,
    ],
    ['a factor nowhere', minimal({ scaleFactor: -1 }), /scaleFactor: expected a whole number, got -1/],
    ['a period too short', minimal({ every: 1 }), /every: expected 10 to 86400000 ms, got 1/],
    ['a limit past the standard', minimal({}, { maxWords: 126 }), /maxWords: expected 1 to 125, got 126/],
    ['SunSpec without a model', minimal({}, { sunspec: true }), /model: expected a number of a model, .*, got nothing/],
    ['SunSpec with a base', minimal({ model: 103 }, { sunspec: true, base: 1 }), /base: expected none/],
    ['sources that are no list', minimal({}, { checked: 'a' }), /checked: expected a list of texts, got "a"/],
    [
      'a worked example of nobody',
      minimal({}, { worked: [{ of: 'me', gives: {} }] }),
      /worked 1, of: expected document/,
    ],
    [
      'a worked example of nothing',
      minimal({}, { worked: [{ of: 'device', gives: {} }] }),
      /worked 1: expected request/,
    ],
    ['worked examples that are no list', minimal({}, { worked: {} }), /worked: expected a list, got \{\}/],
    ['an empty range', minimal({ min: 5, max: 1 }), /min: expected at most 1, got 5/],
  ];
  for (const [what, text, message] of cases)
    it(what, () => assert.throws(() => parseMap(text, 'm.json'), { code: 'FIELDLINE_MODBUS', message }));

  it('a metric twice', () => {
    const register = { metric: 'a', address: 0, type: 'int16' };
    const text = JSON.stringify({ name: 'm', table: 'input', registers: [register, register] });
    assert.throws(
      () => parseMap(text, 'm.json'),
      /register 2 \(a\), metric: expected a name that no other register has/,
    );
  });

  it('a parameter the map does not have', () => {
    assert.throws(
      () => findMap('nivusonic-input', undefined, { flowspan: 1 }),
      /parameters: expected one of flow_span, .*, got "flowspan"/,
    );
  });

  it('several faults at once', () => {
    assert.throws(() => parseMap(minimal({ scale: 0, bit: 1, order: 'X' }), 'm.json'), /order: .*; .*scale: /);
  });

  it('the first five faults of a map that is full of them', () => {
    const map = JSON.stringify({ ...JSON.parse(minimal({})), a: 1, b: 1, c: 1, d: 1, e: 1, f: 1 });
    assert.throws(
      () => parseMap(map, 'm.json'),
      (error: Error) => error.message.split('; ').length === 5,
    );
  });

  it('a map that nobody ships, and names that are paths', () => {
    for (const name of ['nivus', '../maps/nivus-float32', '', 'nivus-float32.json'])
      assert.throws(
        () => findMap(name, undefined),
        /register map: expected JSON or one of .*nivus-float32, nivusonic-input, .*, got/,
      );
  });
});

describe('maps of the user', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'maps-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('win over shipped ones, and name their file when they are wrong', () => {
    writeFileSync(path.join(folder, 'nivus-float32.json'), minimal({ address: 9 }));
    writeFileSync(path.join(folder, 'mine.json'), minimal({ type: 'int' }));
    assert.equal(findMap('nivus-float32', folder).fields[0]?.address, 9);
    assert.equal(findMap('nivusonic-input', folder).name, 'nivusonic-input');
    assert.throws(() => findMap('mine', folder), /^mine\.json, register 1 \(a\), type/);
  });

  it('may stand in the setting itself', () =>
    assert.equal(findMap(`  ${minimal({ address: 3 })}`, folder).fields[0]?.address, 3));

  it('an example that does not hold is told', () => {
    const example = { registers: { 0: [5] }, gives: { a: 6, b: 1 } };
    assert.deepEqual(exampleFaults(parseMap(minimal({}, { example }), 'm.json')), [
      'example, a: expected 6, got 5',
      'example, b: expected a metric whose registers are given, got "b"',
    ]);
  });
});
