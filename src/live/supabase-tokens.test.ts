// Who may follow what with the public Supabase clients: organisations, keys, and tokens that change and end.
import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import { laser } from './live.fixture.ts';
import { follow, onSupabase, tokenOf } from './supabase-client.fixture.ts';
import { until } from '../../test/support/until.ts';

describe('live with the public Supabase clients: keys and tokens', () => {
  const live = onSupabase();
  const { realtime, supabase } = live;

  it('keeps two organisations apart, whatever their filters say', async () => {
    const open = (org: string) =>
      follow(supabase(tokenOf(org)), 'same', {
        ...{ event: '*', schema: 'public', table: 'measurements', filter: 'org_id=in.(A,B)' },
      });
    const [a, b] = [open('A'), open('B')];
    await Promise.all([a.told, b.told]);
    live.hub.publish([laser(1, { orgId: 'A' }), laser(2, { orgId: 'B' }), laser(3)]);
    await until(() => a.changes.length > 0 && b.changes.length > 0);
    live.hub.publish([laser(4, { orgId: 'A' }), laser(5, { orgId: 'B' })]);
    await until(() => a.changes.length > 1 && b.changes.length > 1);
    const seen = ({ changes }: typeof a) => changes.map(({ new: row }) => row['value_mm']);
    assert.deepEqual(
      [seen(a), seen(b)],
      [
        [1, 4],
        [2, 5],
      ],
    );
  });

  it('refuses a wrong key, forged and expired tokens with a reason', async () => {
    const wrong = follow(supabase('wrong'), 'x', { event: '*', table: 'devices' });
    await wrong.told;
    assert.match(wrong.statuses[0]!, /4401.*invalid apikey/);
    for (const [token, reason] of [
      [`${tokenOf('A').slice(0, -2)}AA`, /signature/],
      [tokenOf('A', -1), /expired/],
    ] as const) {
      const client = realtime();
      await client.setAuth(token);
      const { statuses, told } = follow(client, 'x', { event: '*', table: 'devices' });
      await told;
      assert.match(statuses[0]!, reason);
    }
  });

  for (const headers of [{ 'x-api-key': tokenOf('A') }, { apikey: tokenOf('A') }])
    it(`takes its key from the header ${Object.keys(headers)}`, async () => {
      class Headed extends WebSocket {
        constructor(url: string) {
          super(url.replace('apikey=anon&', ''), { headers });
        }
      }
      const client = realtime('2.0.0', 'anon', { transport: Headed });
      const { changes, told } = follow(client, 'x', { event: '*', schema: 'public', table: 'measurements' });
      await told;
      live.hub.publish([laser(1, { orgId: 'B' }), laser(2, { orgId: 'A' })]);
      await until(() => changes.length > 0);
      assert.deepEqual(
        changes.map(({ new: row }) => row['value_mm']),
        [2],
      );
    });

  it('goes on with a new token, and ends with a bad one', async () => {
    const client = realtime('2.0.0', tokenOf('A'));
    await client.setAuth(tokenOf('A'));
    const asked = { event: '*', schema: 'public', table: 'measurements' };
    const { channel, changes, statuses, notes, told } = follow(client, 'x', asked);
    await told;
    await client.setAuth(tokenOf('B'));
    // What comes back behind the token shows that the server has read it.
    assert.equal(await channel.track({}), 'ok');
    live.hub.publish([laser(1, { orgId: 'A' }), laser(2, { orgId: 'B' })]);
    await until(() => changes.length > 0);
    assert.equal(changes[0]!.new['value_mm'], 2);
    await client.setAuth(tokenOf('B', -1));
    await until(() => statuses.includes('CLOSED'));
    assert.equal(notes.at(-1), 'token: expired');
  });

  it('ends a channel when its token ends', async () => {
    const client = realtime('2.0.0', tokenOf('A'));
    await client.setAuth(tokenOf('A', 2));
    const { statuses, told } = follow(client, 'x', { event: '*', schema: 'public', table: 'measurements' });
    await told;
    await until(() => statuses.includes('CLOSED'));
  });
});
