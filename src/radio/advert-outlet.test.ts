// Adverts on their way to a parent that is quick, slow, or takes nothing.
import assert from 'node:assert/strict';
import { unpackAdverts } from './advert-batch.ts';
import { advertOutlet } from './advert-outlet.ts';

const advert = (at: number, data = Buffer.alloc(20)) => ({
  address: 'AA:00:00:00:00:01',
  random: true,
  connectable: false,
  scanResponse: false,
  rssi: -60,
  txPower: undefined,
  data,
  at,
});

/** A channel that takes batches when it is told to. */
function slowChannel() {
  const held: number[] = [];
  const heard: number[] = [];
  const outlet = advertOutlet(packed => {
    heard.push(...Array.from(unpackAdverts(packed), ({ at }) => at));
    held.push(heard.length);
  });
  return {
    outlet,
    heard,
    held,
    takeOne() {
      if (held.shift() !== undefined) outlet.taken();
    },
  };
}

const upTo = (end: number, from = 0): number[] => Array.from({ length: end - from }, (_, at) => from + at);

describe('advert outlet', () => {
  it('sends what there is when it is told to, whole batches by itself', () => {
    const { outlet, heard } = slowChannel();
    outlet.offer(advert(0));
    assert.deepEqual(heard, []);
    outlet.flush();
    assert.deepEqual(heard, [0]);
    for (const at of upTo(257, 1)) outlet.offer(advert(at));
    assert.deepEqual(heard, upTo(257));
  });

  it('keeps the order where the channel is full, and sends on as it takes', () => {
    const { outlet, heard, held, takeOne } = slowChannel();
    for (const at of upTo(3000)) outlet.offer(advert(at));
    assert.equal(held.length, 8);
    assert.deepEqual(heard, upTo(8 * 256));
    while (held.length > 0) takeOne();
    assert.deepEqual(heard, upTo(3000));
    assert.equal(outlet.dropped, 0);
  });

  it('lets the oldest go when too much waits, and counts them', () => {
    const { outlet, heard, held, takeOne } = slowChannel();
    for (const at of upTo(40_000)) outlet.offer(advert(at));
    while (held.length > 0) takeOne();
    assert.equal(heard.length + outlet.dropped, 40_000);
    assert.ok(outlet.dropped > 0 && heard.at(-1) === 39_999);
    assert.deepEqual(heard, [...upTo(8 * 256), ...upTo(40_000, 8 * 256 + outlet.dropped)]);
  });

  it('gives all it has at the end, whatever was taken', () => {
    const { outlet, heard } = slowChannel();
    for (const at of upTo(5000)) outlet.offer(advert(at));
    outlet.flush();
    assert.deepEqual(heard, upTo(5000));
  });

  it('has room for the longest adverts', () => {
    const { outlet, heard } = slowChannel();
    for (const at of upTo(100)) outlet.offer(advert(at, Buffer.alloc(1879, 7)));
    outlet.flush();
    assert.deepEqual(heard, upTo(100));
  });
});
