// The scan that must not stay silent: rescans, setting up anew, holds, refusals, places where silence is no fault.
import assert from 'node:assert/strict';
import { type ScanKeeper, scanKeeper } from './scan-keeper.ts';
import { fakeTime } from './time.fixture.ts';

type Scene = {
  keeper: ScanKeeper;
  log: string[];
  links: { up: boolean };
  pass(seconds: number, each?: () => void): void;
};

function scene(): Scene {
  const time = fakeTime();
  const log: string[] = [];
  const links = { up: false };
  const keeper = scanKeeper({
    start: () => log.push('start'),
    stop: () => log.push('stop'),
    linked: () => links.up,
    onDeaf: reason => log.push(`deaf: ${reason}`),
    quietMs: 4000,
    deafMs: 7000,
    clock: time,
  });
  return {
    keeper,
    log,
    links,
    pass(seconds, each) {
      for (let second = 0; second < seconds; second++) {
        time.pass(1000);
        each?.();
        keeper.look();
      }
    },
  };
}

describe('scan keeper', () => {
  it('starts and stops as it is told, and looks after nothing that is off', () => {
    const { keeper, log, pass } = scene();
    keeper.want(true);
    keeper.want(false);
    keeper.want(false);
    pass(60);
    assert.deepEqual(log, ['start', 'stop']);
  });

  it('leaves a scan alone that hears', () => {
    const { keeper, log, pass } = scene();
    keeper.want(true);
    pass(100, keeper.heard);
    assert.deepEqual(log, ['start']);
  });

  it('scans anew after silence, and gives up where that does not help', () => {
    const { keeper, log, pass } = scene();
    keeper.want(true);
    pass(10, keeper.heard);
    pass(5);
    assert.deepEqual(log, ['start', 'start']);
    pass(2);
    assert.deepEqual(log, ['start', 'start', 'deaf: no adverts for 7 s, though the scan was started again']);
  });

  it('only scans anew where nothing was ever heard', () => {
    const { keeper, log, pass } = scene();
    keeper.want(true);
    pass(20);
    assert.deepEqual(new Set(log), new Set(['start']));
    assert.equal(log.length, 6);
  });

  it('knows the pace of a place with one slow sensor', () => {
    const { keeper, log, pass } = scene();
    keeper.want(true);
    let second = 0;
    pass(600, () => {
      if (++second % 10 === 0) keeper.heard();
    });
    assert.ok(!log.some(entry => entry.startsWith('deaf')), log.join());
  });

  it('takes no offence at silence while links are up, nor at once when they end', () => {
    const { keeper, log, links, pass } = scene();
    keeper.want(true);
    pass(10, keeper.heard);
    links.up = true;
    pass(60);
    links.up = false;
    pass(6);
    assert.ok(!log.some(entry => entry.startsWith('deaf')), log.join());
    pass(2);
    assert.match(log.at(-1) ?? '', /^deaf/);
  });

  it('is off while a connection is made, and on again after the last', () => {
    const { keeper, log, pass } = scene();
    keeper.want(true);
    pass(3, keeper.heard);
    const [first, second] = [keeper.hold(), keeper.hold()];
    first();
    first();
    pass(30);
    assert.deepEqual(log, ['start', 'stop']);
    second();
    pass(3);
    assert.deepEqual(log, ['start', 'stop', 'start']);
  });

  it('does not begin when it is no longer wanted after a hold', () => {
    const { keeper, log } = scene();
    keeper.want(true);
    const release = keeper.hold();
    keeper.want(false);
    release();
    assert.deepEqual(log, ['start', 'stop']);
  });

  it('tries again where the controller refuses, and gives up after three times', () => {
    const { keeper, log, pass } = scene();
    keeper.want(true);
    keeper.refused('command disallowed (0x0c)');
    pass(1);
    keeper.refused('command disallowed (0x0c)');
    pass(1);
    keeper.refused('command disallowed (0x0c)');
    assert.deepEqual(log, [
      'start',
      'start',
      'start',
      'deaf: the controller refuses to scan: command disallowed (0x0c)',
    ]);
  });
});
