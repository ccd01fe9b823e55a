// Guessing the password over MQTT with ever new client ids: so many tries a minute, and no device that is known waits for it.
import assert from 'node:assert/strict';
import { openLogin } from '../../gateway/login.ts';
import { mqttLogin, WRONG_A_MINUTE } from '../../gateway/mqtt-login.ts';
import { fakeClock } from '../../src/kernel/clock.ts';

describe('MQTT login', () => {
  const clock = fakeClock();
  const may = mqttLogin(openLogin('right password', 'secret', clock), clock);
  const right = (id: string): boolean => may('admin', 'right password', id);

  it('lets nobody guess with ever new ids, and goes on with those that it knows', () => {
    assert.equal(right('meter'), true);
    for (let guess = 0; guess < WRONG_A_MINUTE; guess++)
      assert.equal(may('admin', `guess ${guess}`, `id ${guess}`), false);
    assert.equal(right('id of a lucky guess'), false);
    assert.equal(right('meter'), true);
  });

  it('takes new ones in the next minute', () => {
    clock.advance(60_000);
    assert.equal(right('new meter'), true);
  });

  it('brakes an id that is wrong again and again, also one that it knows', () => {
    for (let guess = 0; guess < 6; guess++) may('admin', 'wrong', 'meter');
    assert.equal(right('meter'), false);
    clock.advance(900_000);
    assert.equal(right('meter'), true);
  });
});
