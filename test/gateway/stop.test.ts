// The stop: last started first, each within its time, whatever the others do.
import assert from 'node:assert/strict';
import { stops } from '../../gateway/stop.ts';

function recorded() {
  const lines: string[] = [];
  const list = stops((_level, text, fields) => lines.push(`${text}: ${fields?.['of']}`));
  return { lines, list };
}

describe('stop', () => {
  it('goes backwards, one after the other, and once', async () => {
    const { lines, list } = recorded();
    const order: string[] = [];
    for (const part of ['database', 'broker', 'flows'])
      list.add(part, 1000, async () => {
        order.push(`${part} begins`);
        await new Promise(setImmediate);
        order.push(`${part} ends`);
      });
    assert.equal(list.signal.aborted, false);
    await Promise.all([list.run(), list.run()]);
    assert.equal(list.signal.aborted, true);
    const both = (part: string) => [`${part} begins`, `${part} ends`];
    assert.deepEqual(order, [...both('flows'), ...both('broker'), ...both('database')]);
    assert.deepEqual(lines, []);
  });

  it('goes on over a part that fails and a part that hangs', async () => {
    const { lines, list } = recorded();
    let ended = false;
    list.add('database', 1000, () => {
      ended = true;
    });
    list.add('broker', 1, () => new Promise(() => undefined));
    list.add('flows', 1000, () => Promise.reject(new Error('no')));
    await list.run();
    assert.equal(ended, true);
    assert.deepEqual(lines, ['a part did not end well: flows', 'a part did not end in time: broker']);
  });

  it('ends at once what starts while it runs, and after', async () => {
    const { list } = recorded();
    const order: string[] = [];
    list.add('database', 1000, () => void order.push('database'));
    const run = list.run();
    list.add('flows', 1000, () => void order.push('flows'));
    await run;
    await list.run();
    list.add('broker', 1000, () => void order.push('broker'));
    await list.run();
    assert.deepEqual(order, ['database', 'flows', 'broker']);
  });
});
