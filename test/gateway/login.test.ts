// The brake on wrong passwords: five are free, then each wait is twice the one before, a quarter of an hour at most.
import assert from 'node:assert/strict';
import { openLogin } from '../../gateway/login.ts';
import { fakeClock } from '../../src/kernel/clock.ts';

describe('login', () => {
  const clock = fakeClock();
  let login: ReturnType<typeof openLogin>;
  beforeEach(() => {
    login = openLogin('right password', 'secret', clock);
  });
  const wrong = (address = 'a') => login.check(address, 'admin', 'wrong');
  const right = (address = 'a') => login.check(address, 'admin', 'right password');

  it('waits longer with each wrong one, and never longer than a quarter of an hour', () => {
    for (let at = 0; at < 5; at++) assert.equal(wrong(), 'wrong');
    for (const waitSeconds of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]) {
      assert.deepEqual(right(), { waitSeconds });
      clock.advance(waitSeconds * 1000);
      assert.equal(wrong(), 'wrong');
    }
    assert.equal(right('b'), 'right');
  });

  it('forgets the wrong ones with the right one', () => {
    for (let round = 0; round < 3; round++) {
      for (let at = 0; at < 4; at++) assert.equal(wrong(), 'wrong');
      assert.equal(right(), 'right');
    }
  });

  it('takes the right password of nobody else', () =>
    assert.equal(login.check('a', 'root', 'right password'), 'wrong'));
});
