// A scan that is begun anew twice at one moment is one scan, and none when it was closed meanwhile.
import assert from 'node:assert/strict';
import { oneScan } from './one-scan.ts';

describe('one scan', () => {
  let running: number;
  let begun: number;
  const begin = () => {
    running++;
    begun++;
    return async () => {
      await new Promise(setImmediate);
      running--;
    };
  };
  beforeEach(() => {
    [running, begun] = [0, 0];
  });

  it('is one, however often it is begun anew', async () => {
    const scan = oneScan(begin);
    await Promise.all([scan.anew(), scan.anew(), scan.anew()]);
    assert.deepEqual([running, begun], [1, 2]);
    await scan.anew();
    assert.deepEqual([running, begun], [1, 3]);
    await scan.close();
    assert.equal(running, 0);
  });

  it('does not begin anew when it was closed meanwhile', async () => {
    const scan = oneScan(begin);
    const anew = scan.anew();
    await scan.close();
    await anew;
    assert.deepEqual([running, begun], [0, 1]);
  });

  it('begins anew the next time where it did not stop once', async () => {
    let stubborn = true;
    const scan = oneScan(() => {
      const stop = begin();
      return () => (stubborn ? Promise.reject(new Error('not now')) : stop());
    });
    await assert.rejects(scan.anew(), /not now/);
    stubborn = false;
    await scan.anew();
    assert.deepEqual([running, begun], [1, 2]);
    await scan.close();
    assert.equal(running, 0);
  });
});
