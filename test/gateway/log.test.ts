// Log lines: JSON, no secrets, a flood becomes a count.
import assert from 'node:assert/strict';
import { openLogs } from '../../gateway/log.ts';
import { fakeClock } from '../../src/kernel/clock.ts';

function collected() {
  const lines: Record<string, unknown>[] = [];
  const clock = fakeClock();
  const logs = openLogs(line => lines.push(JSON.parse(line)), clock);
  return { lines, clock, logs };
}

describe('log', () => {
  it('writes one JSON object a line with time, level, part and text', () => {
    const { lines, logs } = collected();
    logs.part('broker')('info', 'listens', { port: 1883 });
    assert.deepEqual(lines, [
      { time: '2026-01-01T00:00:00.000Z', level: 'info', part: 'broker', text: 'listens', port: 1883 },
    ]);
  });

  const secrets: [text: string, fields: Record<string, unknown>, gone: string][] = [
    ['connects to postgresql://me:s3cret-pw@db/x', {}, 's3cret-pw'],
    ['refused', { url: 'mqtts://u:p%40ss-word@broker:8883' }, 'p%40ss-word'],
    ['login', { password: 'abcdefgh' }, 'abcdefgh'],
    ['login', { headers: { authorization: 'Basic YWRtaW4=' } }, 'YWRtaW4='],
    ['the node said hidden-value-1 aloud', {}, 'hidden-value-1'],
    ['escaped', { query: 'a=hidden%20value%202' }, 'hidden%20value%202'],
    ['refused "quoted\\secret"', {}, 'secret'],
  ];
  for (const [text, fields, gone] of secrets)
    it(`hides ${gone}`, () => {
      const { lines, logs } = collected();
      logs.hide('hidden-value-1');
      logs.hide('hidden value 2');
      logs.hide('"quoted\\secret"');
      logs.part('x')('error', text, fields);
      assert.equal(lines.length, 1);
      assert.doesNotMatch(JSON.stringify(lines), new RegExp(gone.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')));
    });

  it('makes no stars of innocent words for a secret of three letters', () => {
    const { lines, logs } = collected();
    logs.hide('the');
    logs.part('x')('info', 'the meter');
    assert.equal(lines[0]?.['text'], 'the meter');
  });

  it('lets 20 lines of one text through in 10 s and then tells how many it held back', () => {
    const { lines, clock, logs } = collected();
    const log = logs.part('modbus');
    for (let n = 0; n < 100; n++) log('warn', `unit ${n} does not answer`);
    log('warn', 'another text');
    assert.equal(lines.length, 21);
    clock.advance(10_000);
    log('warn', 'unit 7 does not answer');
    assert.deepEqual(
      lines.slice(21).map(({ part, text }) => [part, text]),
      [
        ['modbus', 'suppressed 80'],
        ['modbus', 'unit 7 does not answer'],
      ],
    );
  });

  it('tells of a flood that has ended, once', () => {
    const { lines, clock, logs } = collected();
    for (let n = 0; n < 25; n++) logs.part('a')('info', 'same');
    logs.sweep();
    assert.equal(lines.length, 20);
    clock.advance(10_000);
    logs.sweep();
    logs.sweep();
    assert.deepEqual(
      lines.slice(20).map(({ text, of }) => [text, of]),
      [['suppressed 5', 'same']],
    );
  });

  it('tells at the end what it still holds back', () => {
    const { lines, logs } = collected();
    for (let n = 0; n < 25; n++) logs.part('a')('info', 'same');
    logs.flush();
    assert.equal(lines.at(-1)?.['text'], 'suppressed 5');
  });

  it('keeps a huge text to a bounded line of valid JSON', () => {
    const { lines, logs } = collected();
    logs.part('a')('info', 'x'.repeat(1_000_000));
    assert.equal(JSON.stringify(lines[0]).length < 3000, true);
  });
});
