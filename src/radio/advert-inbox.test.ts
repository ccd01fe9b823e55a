// Adverts that have arrived: in their order, held back while the flows have enough, not for ever, and all of them at the end.
import assert from 'node:assert/strict';
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { advertInbox } from './advert-inbox.ts';
import { until } from '../../test/support/until.ts';

function scene() {
  const unpacked: number[] = [];
  const state = { busy: false, taken: 0 };
  const inbox = advertInbox({
    unpack: packed => unpacked.push(packed[0]!),
    isBusy: () => state.busy,
    onTaken: () => state.taken++,
  });
  const offer = (...numbers: number[]): void => {
    for (const number of numbers) inbox.offer(Uint8Array.of(number));
  };
  return { inbox, unpacked, state, offer };
}

describe('advert inbox', () => {
  it('unpacks one batch in a turn, and says so', async () => {
    const { unpacked, state, offer } = scene();
    offer(1, 2, 3);
    assert.deepEqual(unpacked, []);
    for (let turns = 1; turns <= 3; turns++) {
      await turn();
      assert.equal(unpacked.length, turns);
    }
    assert.deepEqual([unpacked, state.taken], [[1, 2, 3], 3]);
    offer(4);
    await turn();
    assert.deepEqual(unpacked, [1, 2, 3, 4]);
  });

  it('waits while the flows are busy, and goes on when they are not', async () => {
    const { unpacked, state, offer } = scene();
    state.busy = true;
    offer(1, 2);
    await wait(20);
    assert.deepEqual([unpacked, state.taken], [[], 0]);
    state.busy = false;
    while (unpacked.length < 2) await turn();
    assert.deepEqual(unpacked, [1, 2]);
  });

  it('does not wait for ever for a flow that is', async () => {
    const { unpacked, state, offer } = scene();
    state.busy = true;
    offer(1, 2);
    await until(() => unpacked.length === 2);
    assert.deepEqual(unpacked, [1, 2]);
  });

  it('gives all it has when it is told to', () => {
    const { inbox, unpacked, state, offer } = scene();
    state.busy = true;
    offer(1, 2, 3);
    inbox.drain();
    assert.deepEqual([unpacked, state.taken], [[1, 2, 3], 3]);
  });
});
