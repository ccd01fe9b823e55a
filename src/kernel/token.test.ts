// Tokens: right ones are read, every forged, confused, damaged or expired one is refused with the reason.
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { atLeast, isToken, readToken, signToken } from './token.ts';

const SECRET = 'a secret of the test';
const NOW = Date.UTC(2026, 0, 1);
const claims = { sub: 'ana', org_id: 'north', role: 'viewer', exp: NOW / 1000 + 3600 } as const;
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = (header: unknown, body: unknown, secret = SECRET) => {
  const signed = `${part(header)}.${part(body)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
};
const HS256 = { alg: 'HS256', typ: 'JWT' };

describe('token', () => {
  it('reads what it signed', () => {
    assert.deepEqual(readToken(signToken(claims, SECRET), SECRET, NOW), claims);
  });
  it('reads what others signed, and leaves claims out that it does not know', () => {
    assert.deepEqual(readToken(token(HS256, { iss: 'x', ...claims }), SECRET, NOW), claims);
  });

  const good = signToken(claims, SECRET);
  const [head = '', body = '', signature = ''] = good.split('.');
  const { privateKey } = generateKeyPairSync('ed25519');
  const refused: [name: string, token: string, reason: RegExp][] = [
    ['an empty text', '', /expected a JSON Web Token/],
    ['another text', 'anon', /expected a JSON Web Token/],
    ['a part too few', `${head}.${body}`, /expected a JSON Web Token/],
    ['a part too many', `${good}.x`, /expected a JSON Web Token/],
    ['an empty signature', `${head}.${body}.`, /expected a JSON Web Token/],
    ['a token that is too long', `${head}.${'A'.repeat(5000)}.${signature}`, /expected a JSON Web Token/],
    ['another secret', token(HS256, claims, 'another secret'), /signature/],
    ['the empty secret', token(HS256, claims, ''), /signature/],
    ['changed claims', `${head}.${part({ ...claims, role: 'admin' })}.${signature}`, /signature/],
    ['a cut signature', good.slice(0, -4), /signature/],
    ['padding', `${good}=`, /expected a JSON Web Token/],
    ['alg none', `${part({ alg: 'none' })}.${body}.${signature}`, /signature/],
    ['alg none, signed', token({ alg: 'none' }, claims), /HS256/],
    ['alg HS512, signed with SHA-256', token({ alg: 'HS512' }, claims), /HS256/],
    ['alg hs256', token({ alg: 'hs256' }, claims), /HS256/],
    ['no header', token(null, claims), /HS256/],
    ['critical extensions', token({ ...HS256, crit: ['b64'], b64: false }, claims), /HS256/],
    [
      'a public key signature',
      `${head}.${body}.${sign(null, Buffer.from(`${head}.${body}`), privateKey).toString('base64url')}`,
      /signature/,
    ],
    ['expired', token(HS256, { ...claims, exp: NOW / 1000 }), /expired/],
    ['without exp', token(HS256, { ...claims, exp: undefined }), /token\.exp/],
    ['exp as text', token(HS256, { ...claims, exp: '9999999999' }), /token\.exp/],
    ['not valid yet', token(HS256, { ...claims, nbf: NOW / 1000 + 1 }), /not valid yet/],
    ['without sub', token(HS256, { ...claims, sub: undefined }), /token\.sub/],
    ['without an organisation', token(HS256, { ...claims, org_id: '' }), /token\.org_id/],
    ['an unknown role', token(HS256, { ...claims, role: 'root' }), /token\.role/],
    ['an array', token(HS256, [claims]), /token\.sub/],
  ];
  for (const [name, text, reason] of refused)
    it(`refuses ${name}`, () => {
      const read = readToken(text, SECRET, NOW);
      assert.ok('refused' in read, JSON.stringify(read));
      assert.match(read.refused, reason);
    });

  it('refuses the same signature spelt otherwise', () => {
    // The last digit carries two bits that no byte uses.
    const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const other = digits[digits.indexOf(good.at(-1)!) ^ 1]!;
    assert.ok('refused' in readToken(good.slice(0, -1) + other, SECRET, NOW));
  });
  it('tells tokens from keys', () => {
    assert.deepEqual([good, 'anon', 'flk_a.b.c', '1.2.3'].map(isToken), [true, false, false, false]);
  });
  it('orders the roles', () => {
    assert.deepEqual(
      [atLeast('admin', 'viewer'), atLeast('operator', 'operator'), atLeast('viewer', 'operator')],
      [true, true, false],
    );
  });
});
