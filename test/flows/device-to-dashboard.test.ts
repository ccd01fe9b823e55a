// What the function nodes of the shipped flow make of their messages.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

type Point = { device: string; metric: string; line: string; x: number; y: number };

const flow = JSON.parse(
  readFileSync(new URL('../../flows/device-to-dashboard.json', import.meta.url), 'utf8'),
) as readonly { id: string; func?: string }[];

describe('flow device-to-dashboard', () => {
  it('keeps a value in sight where its band is far wider', () => {
    const split = new Function('msg', flow.find(({ id }) => id === 'fl-an-split')?.func ?? '');
    const point = (line: string, y: number): Point => ({ device: 'meter', metric: 'current', line, x: 0, y });
    const drawn = (...points: Point[]) => {
      const [name, band, score] = split({ payload: points }) as { payload: Point[] }[];
      return [name?.payload, band?.payload.map(({ y }) => y), score?.payload.map(({ y }) => y)];
    };
    const score = point('score', 0.9);
    assert.deepEqual(drawn(point('value', 2), point('value', 3), point('low', -42_000), point('high', 42_000), score), [
      'meter, current',
      [2, 3, 1, 4],
      [0.9],
    ]);
    assert.deepEqual(
      drawn(point('value', 2), point('value', 3), point('low', 1.9), point('high', 3.3), score)[1],
      [2, 3, 1.9, 3.3],
    );
    assert.deepEqual(drawn(point('value', 0), point('low', -5), point('high', 0.5))[1], [0, -1, 0.5]);
    assert.equal(split({ payload: [] }), null);
  });
});
