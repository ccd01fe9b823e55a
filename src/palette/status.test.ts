// Status line: the first at once, then the latest of each second; a status that is already there is not sent again.
import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { calmStatus } from './status.ts';

describe('palette: status', () => {
  let shown: string[];
  let status: ReturnType<typeof calmStatus>;
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] });
    shown = [];
    status = calmStatus((fill, text) => shown.push(`${fill} ${text}`));
  });
  afterEach(() => mock.timers.reset());

  it('shows the first at once and then one a second, the latest', () => {
    for (const text of ['1', '2', '3']) status.set('green', text);
    assert.deepEqual(shown, ['green 1']);
    mock.timers.tick(999);
    assert.deepEqual(shown, ['green 1']);
    mock.timers.tick(1);
    assert.deepEqual(shown, ['green 1', 'green 3']);
    status.set('red', '4');
    mock.timers.tick(1000);
    assert.deepEqual(shown, ['green 1', 'green 3', 'red 4']);
  });

  it('shows nothing twice, and nothing after the close', () => {
    status.set('green', '1');
    status.set('green', '1');
    mock.timers.tick(1000);
    status.set('green', '2');
    status.set('green', '3');
    status.close();
    mock.timers.tick(5000);
    assert.deepEqual(shown, ['green 1', 'green 2']);
  });
});
