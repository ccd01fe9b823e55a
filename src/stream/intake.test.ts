// Intake: what stock nodes give is known by its own bytes, and what comes of a message stands in the ledger.
import assert from 'node:assert/strict';
import { digest } from '../kernel/bytes.ts';
import { openAccount } from '../kernel/ledger.ts';
import { intake } from './intake.ts';
import { NOW, raw } from './normalize.fixture.ts';
import { normalizer } from './normalize.ts';

describe('intake', () => {
  const topic = 'homelab/energy/m';
  const text = '{"power_kw":1}';
  for (const [name, payload] of Object.entries({ text, 'a buffer': Buffer.from(text), JSON: { power_kw: 1 } }))
    it(`gives ${name} of a stock node the digest of its bytes`, () => {
      const { readings } = intake(payload, topic, NOW, normalizer());
      assert.deepEqual(
        readings.map(({ metadata }) => metadata.digest),
        [digest(text)],
      );
    });

  it('keeps the entry of a message in what is made of it; what is rejected ends there', () => {
    const account = openAccount('intake', 'intake');
    const [good, bad] = [account.enter(), account.enter()];
    const batch = [raw(topic, text, { entry: good }), raw(topic, 'no energy', { entry: bad }), raw(topic, text)];
    const { readings } = intake(batch, '', NOW, normalizer());
    assert.deepEqual(
      readings.map(({ metadata }) => metadata.entry),
      [good, undefined],
    );
    assert.deepEqual([account.leave(bad)?.end, account.leave(good)?.end], ['dropped', 'dropped']);
    account.close();
  });
});
