// Topic table: the first matching filter decides, the device is found where the rule says.
import assert from 'node:assert/strict';
import { topicTable } from './route.ts';

describe('topic table', () => {
  const table = topicTable([
    { filter: 'a/+/exact', format: 'first', device: '2' },
    { filter: 'a/#', format: 'second', device: 'last' },
    { filter: '+/only', format: 'third', device: 'id | name | 1' },
    { filter: 'site/{site}/{room}/{metric}', format: 'fourth', device: '{room}' },
  ]);
  type Case = { topic: string; payload?: Record<string, unknown>; format?: string; device?: string };
  const cases: Case[] = [
    { topic: 'a/x/exact', format: 'first', device: 'x' },
    { topic: 'a/x/y', format: 'second', device: 'y' },
    { topic: 'a', format: 'second' },
    { topic: 'z/only', payload: { id: ' ', name: 'n' }, format: 'third', device: 'n' },
    { topic: 'z/only', payload: {}, format: 'third', device: 'z' },
    { topic: '$SYS/only', format: undefined },
    { topic: 'site/n/kitchen/humidity', format: 'fourth', device: 'kitchen' },
    { topic: 'none', format: undefined },
  ];
  for (const { topic, payload, format, device } of cases)
    it(`${topic} with ${JSON.stringify(payload)}`, () => {
      for (const pass of ['compiled', 'from the cache']) {
        const route = table(topic);
        assert.equal(route?.format, format, pass);
        assert.equal(route?.deviceOf(payload && { ...payload }), device, pass);
      }
    });

  it('takes the field it used out of the payload', () => {
    const payload = { id: 'x', v: 1 };
    assert.equal(table('z/only')?.deviceOf(payload), 'x');
    assert.deepEqual(payload, { id: undefined, v: 1 });
  });

  it('tells what stands in the levels that have a name', () => {
    assert.deepEqual(table('site/n/kitchen/humidity')?.levels, { site: 'n', room: 'kitchen', metric: 'humidity' });
    assert.deepEqual(table('a/x/y')?.levels, {});
  });

  for (const rule of [
    { filter: 'a/{b}', format: 'f', device: '{c}' },
    { filter: 'a/{b-c}/#/x', format: 'f', device: 'last' },
    { filter: 'a/#/b', format: 'f', device: 'last' },
    { filter: '', format: 'f', device: 'last' },
    { filter: 'a/{gerät}/b', format: 'f', device: 'last' },
    { filter: 'a/x{b}', format: 'f', device: 'last' },
    { filter: 'a/{__proto__}', format: 'f', device: 'last' },
    { filter: 'a/{b}/{b}', format: 'f', device: 'last' },
    { filter: 'a', format: 'f', device: '' },
    { filter: 'a', format: 'f', device: 'last |' },
  ])
    it(`refuses ${JSON.stringify(rule)}`, () =>
      assert.throws(() => topicTable([rule]), /topic table, row 1: expected/));
});
