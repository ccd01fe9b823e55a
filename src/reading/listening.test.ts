// Listening: the time in which a source heard nothing, whoever is to blame, and how long devices may take to come back.
import assert from 'node:assert/strict';
import { listening, RETURN_MS, unheard } from './listening.ts';

describe('listening', () => {
  let name = 0;
  const source = () => {
    const id = `listening-${name++}`;
    let time = 1_000_000;
    const ear = listening(id, () => time);
    ear.hears();
    time = 2_000_000;
    return {
      ear,
      wait: (ms: number) => (time += ms),
      heardNot: (from: number, to: number, more: readonly (readonly [number, number])[] = []) =>
        unheard(`${id}/run.1`, 2_000_000 + from, 2_000_000 + to, more),
      again: () => listening(id, () => time),
    };
  };

  it('knows nothing of a source that always listened, or of no source', () => {
    const { heardNot } = source();
    assert.equal(heardNot(0, 100_000), 0);
    assert.equal(unheard(undefined, 0, 1e9), 0);
    assert.equal(unheard('nobody/1.1', 0, 1e9), 0);
  });

  it('counts from the end of the one before to the first word of the next after a deploy', () => {
    const { ear, wait, heardNot, again } = source();
    ear.deaf('ours');
    const next = again();
    wait(8000);
    next.hears();
    assert.deepEqual([heardNot(-500, 9000), heardNot(-500, 3000), heardNot(8000, 9000)], [8000, 3000, 0]);
  });

  it('gives devices time to come back where the peer was away, and looks back to the last message', () => {
    const { ear, wait, heardNot } = source();
    ear.heard();
    wait(20_000);
    ear.deaf('peer');
    wait(10_000);
    ear.hears();
    assert.equal(heardNot(-5000, 200_000), 30_000 + RETURN_MS);
  });

  it('looks back no farther than a peer that is gone is noticed', () => {
    const { ear, wait, heardNot } = source();
    wait(3_600_000);
    ear.deaf('peer');
    ear.hears();
    assert.equal(heardNot(0, 4_000_000), 45_000 + RETURN_MS);
  });

  it('takes no notice of moments, and counts nothing twice', () => {
    const { ear, wait, heardNot } = source();
    ear.deaf('ours');
    wait(900);
    ear.hears();
    assert.equal(heardNot(0, 5000), 0);
    wait(1100);
    ear.deaf('ours');
    wait(4000);
    ear.hears();
    const others = [
      [2_001_000, 2_003_000],
      [2_005_000, 2_007_000],
    ] as const;
    assert.equal(heardNot(0, 10_000, others), 6000);
  });
});
