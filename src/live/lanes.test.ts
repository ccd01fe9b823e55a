// Lanes: order within one client, turns between clients, and room for everything else in between.
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { createLanes } from './lanes.ts';

const fail = () => assert.fail('nothing throws here');

describe('lanes', () => {
  let time = 0;
  let done: string[] = [];
  const lanes = () => createLanes(() => time);
  /** Work of one millisecond. */
  const piece = (name: string) => () => {
    time++;
    done.push(name);
  };
  beforeEach(() => {
    done = [];
  });

  it('works at once while there is time', () => {
    const lane = lanes().open(fail);
    for (const name of ['a', 'b', 'c', 'd', 'e']) lane.run(piece(name));
    assert.equal(done.join(''), 'abcde');
    assert.equal(lane.waiting, 0);
  });

  it('makes who asks much wait for who asks little, and keeps the order of each', async () => {
    const all = lanes();
    const [greedy, modest] = [all.open(fail), all.open(fail)];
    for (let n = 0; n < 20; n++) greedy.run(piece(`g${n}`));
    modest.run(piece('m0'));
    modest.run(piece('m1'));
    assert.deepEqual([done.length, greedy.waiting, modest.waiting], [5, 15, 2]);
    await turn();
    assert.deepEqual(done.slice(5), ['g5', 'm0', 'g6', 'm1', 'g7']);
    while (greedy.waiting > 0) await turn();
    assert.deepEqual(
      done.filter(name => name.startsWith('g')),
      Array.from({ length: 20 }, (_, n) => `g${n}`),
    );
  });

  it('lets the rest of the process work between two stretches', async () => {
    const lane = lanes().open(fail);
    let others = 0;
    for (let n = 0; n < 30; n++) lane.run(piece('x'));
    while (lane.waiting > 0) {
      await turn();
      others++;
    }
    assert.ok(others >= 5, `${others} turns`);
  });

  it('forgets what waits when a client leaves, also while it is at work', async () => {
    const all = lanes();
    const [gone, other] = [all.open(fail), all.open(fail)];
    for (let n = 0; n < 6; n++) gone.run(piece('g'));
    gone.run(() => gone.close());
    gone.run(piece('never'));
    other.run(piece('o'));
    await turn();
    await turn();
    assert.equal(done.join(''), 'ggggggo');
  });

  it('tells the lane of work that throws, and goes on', async () => {
    const all = lanes();
    let failed = 0;
    const [bad, other] = [all.open(() => void failed++), all.open(fail)];
    const throws = () => {
      time++;
      throw new Error('x');
    };
    for (let n = 0; n < 7; n++) bad.run(throws);
    other.run(piece('o'));
    await turn();
    await turn();
    assert.deepEqual([failed, done], [7, ['o']]);
  });
});
