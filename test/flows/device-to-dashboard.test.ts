// What the function nodes of the shipped flow make of their messages.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

type Point = { device: string; metric: string; unit: string; line: string; x: number; y: number };

const flow = JSON.parse(
  readFileSync(new URL('../../flows/device-to-dashboard.json', import.meta.url), 'utf8'),
) as readonly { id: string; func?: string }[];

describe('flow device-to-dashboard', () => {
  it('keeps a value in sight where its band is far wider', () => {
    const split = new Function('msg', flow.find(({ id }) => id === 'fl-an-split')?.func ?? '');
    const point = (line: string, y: number): Point => ({
      ...{ device: 'meter', metric: 'current', unit: 'A' },
      ...{ line, x: 0, y },
    });
    const drawn = (...points: Point[]) => {
      const [name, band, score] = split({ payload: points }) as { payload: Point[]; unit?: string }[];
      return [`${name?.payload} ${name?.unit}`, band?.payload.map(({ y }) => y), score?.payload.map(({ y }) => y)];
    };
    const score = point('score', 0.9);
    assert.deepEqual(drawn(point('value', 2), point('value', 3), point('low', -42_000), point('high', 42_000), score), [
      'meter, current in A',
      [2, 3, 1, 4],
      [0.9],
    ]);
    assert.deepEqual(
      drawn(point('value', 2), point('value', 3), point('low', 1.9), point('high', 3.3), score)[1],
      [2, 3, 1.9, 3.3],
    );
    assert.deepEqual(drawn(point('value', 0), point('low', -5), point('high', 0.5))[1], [0, -1, 0.5]);
    assert.equal(split({ payload: [] }), null);
    const young = { ...point('value', 2), unit: 'per hour', learning: 20 };
    const [name] = split({ payload: [young] });
    assert.equal(name.unit, 'per hour; learning: its 20 values so far only teach, no alarms yet');
    const [nothing, ...lines] = split({ payload: [], query: { device: 'meter', metric: 'gone' } });
    assert.deepEqual(nothing, { payload: 'meter, gone', unit: 'nothing is stored' });
    assert.deepEqual(lines, [{ payload: [] }, { payload: [] }]);
  });

  it('shows the series that is chosen, and goes on with the one before where something else was typed', () => {
    const kept: unknown[] = [];
    const code = flow.find(({ id }) => id === 'fl-an-pick')?.func ?? '';
    const pick = (payload: string | null) =>
      new Function('msg', 'flow', code)({ payload }, { set: (...set: unknown[]) => kept.push(set) });
    assert.equal(pick('boil'), null);
    assert.equal(pick(null), null);
    assert.deepEqual(pick('{"device":"m","metric":"v"}'), {});
    assert.deepEqual(kept, [['series', { device: 'm', metric: 'v' }]]);
  });

  it('asks what there is to choose from at every turn while that grows, later at each sixth', () => {
    const code = (id: string) => flow.find(node => node.id === id)?.func ?? '';
    const store = () => {
      const kept = new Map<string, unknown>();
      return { get: (name: string) => kept.get(name), set: (name: string, value: unknown) => kept.set(name, value) };
    };
    const [context, own] = [store(), store()];
    const isAsked = () => new Function('msg', 'flow', 'context', code('fl-an-when'))({}, context, own) !== null;
    const answered = (...metrics: string[]) => {
      const payload = metrics.map(metric => ({ device: 'm', metric }));
      const { ui_update } = new Function('msg', 'flow', code('fl-an-options'))({ payload }, context);
      return ui_update.options.map(({ label }: { label: string }) => label);
    };
    // Of a fresh gateway nothing is stored at first.
    for (const stored of [[], [], ['v'], ['v', 'w'], ['v', 'w']]) {
      assert.ok(isAsked(), `asked with ${stored.length} to come`);
      assert.deepEqual(
        answered(...stored),
        stored.map(metric => `m, ${metric}`),
      );
    }
    assert.deepEqual(Array.from({ length: 8 }, isAsked), [false, true, false, false, false, false, false, true]);
    answered('v', 'w', 'x');
    assert.ok(isAsked(), 'soon again, as there was more');
  });

  describe('on a press of a button in the list of anomalies', () => {
    const code = (id: string) => flow.find(node => node.id === id)?.func ?? '';
    const kept = new Map<string, unknown>();
    const context = {
      get: (name: string) => kept.get(name),
      set: (name: string, value: unknown) => kept.set(name, value),
    };
    const row = { device_id: 'meter', metric: 'power_kw', time: '2026-01-05T00:00:00.000Z', value: 9 };
    const reading = { deviceId: 'meter', telemetry: { power_kw: 9 }, metadata: {} };
    const gone = { payload: { says: 'This anomaly is no longer among the latest ones.' } };
    before(() => {
      const listed = new Function('msg', 'flow', code('fl-an-rows'));
      assert.deepEqual(
        listed({ payload: [{ ...row, reading }] }, context),
        { payload: [row] },
        'no reading to browsers',
      );
    });
    const presses: [what: string, message: object, sent: unknown][] = [
      [
        'hands on the reading as it was listed, whatever a browser sends',
        { payload: { ...row, reading: { deviceId: 'other' } }, action: 'button_click' },
        [{}, { feedback: 'normal', payload: reading, action: 'button_click' }, null],
      ],
      [
        'takes it back on a press of "Undo"',
        { payload: row, action: 'button_click', column: 'Undo' },
        [{}, { feedback: 'undo', payload: reading, action: 'button_click', column: 'Undo' }, null],
      ],
      ['says that a value is not listed', { payload: { ...row, value: 8 }, action: 'button_click' }, [{}, null, gone]],
      ['only draws a line that is clicked', { payload: row }, [{}, null, null]],
      ['does nothing where none is', {}, null],
    ];
    for (const [what, message, sent] of presses)
      it(what, () => {
        assert.deepEqual(new Function('msg', 'flow', code('fl-an-chosen'))(message, context), sent);
      });
  });
});
