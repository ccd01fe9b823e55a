// An import of anything at all: rows or reasons, and never a crash.
import assert from 'node:assert/strict';
import { fromCsv } from './csv.ts';
import { fromHomeAssistant } from './home-assistant.ts';
import { check } from './imports.fixture.ts';
import { fromNodeRed } from './node-red.ts';
import { fromTelegraf } from './telegraf.ts';
import { fromThingsboard } from './thingsboard.ts';

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
