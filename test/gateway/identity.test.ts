// Who asks, as the gateway tells the API and the live channels: sessions, tokens, anybody; and what is refused.
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import type { TokenBounds } from '../../gateway/environment.ts';
import type { Gate } from '../../gateway/gate.ts';
import { identifyBy } from '../../gateway/identity.ts';
import { fakeClock } from '../../src/kernel/clock.ts';
import { signToken } from '../../src/kernel/token.ts';

const clock = fakeClock();
const exp = clock.now() / 1000 + 60;
const token = signToken({ sub: 'ana', org_id: 'north', role: 'operator', exp }, 'secret');
const forged = signToken({ sub: 'ana', org_id: 'north', role: 'admin', exp }, 'another');

function who(
  open: boolean,
  admitted: boolean,
  headers: Record<string, string>,
  given?: string,
  bounds: TokenBounds = {},
) {
  const gate: Gate = { admits: () => admitted, passes: async () => admitted };
  return identifyBy(gate, open, { secret: 'secret', bounds }, clock)({ headers } as unknown as IncomingMessage, given);
}
const ana = { role: 'operator', org: 'north', subject: 'ana', expiresAt: exp * 1000 };

describe('identity', () => {
  const cases: [name: string, open: boolean, admitted: boolean, headers: Record<string, string>, wanted: object][] = [
    ['anybody where the gateway is open', true, true, {}, { role: 'viewer' }],
    ['an administrator by session', false, true, {}, { role: 'admin', subject: 'admin' }],
    ['the bearer of a token', false, false, { authorization: `Bearer ${token}` }, ana],
    ['a token as apikey', false, false, { apikey: token }, ana],
    ['a token beside a public key', true, true, { apikey: 'anon', authorization: `bearer ${token}` }, ana],
    ['nobody by a public key', true, true, { apikey: 'anon', authorization: 'Bearer anon' }, { role: 'viewer' }],
  ];
  for (const [name, open, admitted, headers, wanted] of cases)
    it(`knows ${name}`, () => assert.deepEqual(who(open, admitted, headers), wanted));

  it('takes a token that came another way', () => assert.deepEqual(who(false, false, {}, token), ana));

  const refused: [name: string, open: boolean, admitted: boolean, headers: Record<string, string>][] = [
    ['nobody where a login is needed', false, false, {}],
    ['a strange host name on loopback', true, false, {}],
    ['a forged token where anybody may look', true, true, { authorization: `Bearer ${forged}` }],
    ['a forged token beside a session', false, true, { authorization: `Bearer ${forged}` }],
    ['a public key where a login is needed', false, false, { apikey: 'anon' }],
  ];
  for (const [name, open, admitted, headers] of refused)
    it(`refuses ${name}`, () => assert.ok('refused' in who(open, admitted, headers)));

  const strays: [claims: object, bounds: TokenBounds, says: RegExp | undefined][] = [
    [{ aud: 'authenticated', iss: 'https://auth.example' }, {}, undefined],
    [{ aud: 'fieldline' }, { aud: 'fieldline' }, undefined],
    [{ aud: ['billing', 'fieldline'] }, { aud: 'fieldline' }, undefined],
    [{ aud: 'fieldline', iss: 'plant' }, { aud: 'fieldline', iss: 'plant' }, undefined],
    [{ aud: 'billing' }, { aud: 'fieldline' }, /token\.aud: expected "fieldline", got "billing"/],
    [{ aud: ['fieldline2', 7, null] }, { aud: 'fieldline' }, /token\.aud/],
    [{}, { aud: 'fieldline' }, /token\.aud: expected "fieldline", got nothing/],
    [{ aud: 'fieldline' }, { aud: 'fieldline', iss: 'plant' }, /token\.iss/],
    [{ iss: 'other' }, { iss: 'plant' }, /token\.iss/],
  ];
  for (const [claims, bounds, says] of strays)
    it(`${says === undefined ? 'takes' : 'refuses'} ${JSON.stringify(claims)} where ${JSON.stringify(bounds)} is asked`, () => {
      const told = signToken({ sub: 'ana', org_id: 'north', role: 'operator', exp, ...claims }, 'secret');
      const found = who(false, false, {}, told, bounds);
      if (says === undefined) assert.deepEqual(found, ana);
      else assert.match('refused' in found ? found.refused : 'taken', says);
    });

  it('refuses a token from the moment it expires', () => {
    clock.advance(60_000);
    assert.ok('refused' in who(true, true, { authorization: `Bearer ${token}` }));
  });
});
