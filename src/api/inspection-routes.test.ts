// /api/inspections and /api/dead-letters on a real PostgreSQL, each organisation its own.
import assert from 'node:assert/strict';
import { bearer, tokenFor } from './api.fixture.ts';
import { httpWorld, type Row } from '../../test/api/http-world.ts';

describe('inspections and dead letters over HTTP', () => {
  const at = httpWorld();

  describe('inspections', () => {
    it('begins, lists and goes on, within the organisation', async () => {
      const north = bearer(tokenFor('operator', 'north'));
      const made = await at.world.send('POST', '/api/inspections', { inspector_id: 'ana', data: { floor: 2 } }, north);
      assert.equal(made.status, 201);
      const inspection = (await made.json()) as Row;
      assert.deepEqual(
        [inspection['status'], inspection['org_id'], inspection['data']],
        ['open', 'north', { floor: 2 }],
      );
      const place = made.headers.get('location')!;
      assert.deepEqual(await at.json(place), inspection);
      assert.equal((await at.world.send('POST', '/api/inspections', { id: inspection['id'] }, north)).status, 409);

      const changed = await at.world.send('PATCH', place, { status: 'done', data: { floor: 3 } }, north);
      assert.deepEqual([changed.status, ((await changed.json()) as Row)['data']], [200, { floor: 3 }]);
      assert.deepEqual(await at.column('status', '/api/inspections?inspector_id=ana'), ['done']);
      for (const [asked, found] of [
        ['status=done', 1],
        ['status=open', 0],
        ['inspector_id=bob', 0],
        ['session_id=s', 0],
      ] as const)
        assert.equal((await at.rows(`/api/inspections?${asked}`)).length, found, asked);

      const south = bearer(tokenFor('admin', 'south'));
      assert.deepEqual(await at.rows('/api/inspections', south), []);
      assert.equal((await at.world.get(place, south)).status, 404);
      assert.equal((await at.world.send('PATCH', place, { status: 'x' }, south)).status, 404);
    });

    for (const [body, field] of [
      [{ id: 'x' }, 'id'],
      [{ status: 1 }, 'status'],
      [{ data: [] }, 'data'],
      [{ other: 1 }, 'body'],
      ['[]', 'body'],
      ['{', 'body'],
      ['{"data": {"a": "\\u0000"}}', undefined],
      [`${'['.repeat(40)}${']'.repeat(40)}`, 'body'],
    ] as const)
      it(`refuses ${JSON.stringify(body).slice(0, 40)}`, async () => {
        const answer = await at.world.send('POST', '/api/inspections', body, bearer(tokenFor('operator', 'north')));
        // A NUL in a text is taken out, as everywhere.
        assert.equal(answer.status, field === undefined ? 201 : 400);
        assert.equal(((await answer.json()) as Row)['field'], field);
      });
  });

  describe('dead letters', () => {
    it('are listed and shown with their bytes', async () => {
      await at.store.query(`INSERT INTO dead_letters (source, topic, reason, bytes, digest) VALUES
        ('s', 't/1', 'too old', '{"a": 1}', gen_random_uuid()), ('s', 't/2', 'no JSON', '\\xff00', gen_random_uuid())`);
      const [newest, oldest] = await at.rows('/api/dead-letters?source=s');
      assert.deepEqual([newest?.['topic'], newest?.['size'], oldest?.['reason']], ['t/2', 2, 'too old']);
      const whole = (await at.json(`/api/dead-letters/${newest?.['id']}`)) as Row;
      assert.deepEqual([whole['hex'], whole['text']], ['ff00', null]);
      assert.equal(((await at.json(`/api/dead-letters/${oldest?.['id']}`)) as Row)['text'], '{"a": 1}');
      assert.equal((await at.world.get('/api/dead-letters/999999')).status, 404);
    });

    it('are shown part by part where they are large, and no answer holds more than 1 MB of one', async () => {
      const [{ id } = { id: 0 }] = await at.store.query<{ id: number }>(
        `INSERT INTO dead_letters (source, topic, reason, bytes, digest)
          SELECT 'l', 't', 'large', convert_to(repeat('0123456789abcdé', 200000), 'UTF8'), gen_random_uuid() RETURNING id`,
      );
      const first = (await at.json(`/api/dead-letters/${id}`)) as Row;
      assert.deepEqual([first['size'], first['offset'], String(first['hex']).length], [3_200_000, 0, 131_072]);
      assert.equal(String(first['text']).slice(0, 15), '0123456789abcdé');
      let hex = '';
      let next: string | undefined = `/api/dead-letters/${id}?length=1048576`;
      for (let parts = 0; next !== undefined; parts++) {
        assert.ok(parts < 4);
        const answer = await at.world.get(next);
        hex += ((await answer.json()) as Row)['hex'];
        next = /^<(.+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
      }
      assert.equal(Buffer.from(hex, 'hex').toString(), '0123456789abcdé'.repeat(200_000));
      const beyond = (await at.json(`/api/dead-letters/${id}?offset=4000000`)) as Row;
      assert.deepEqual([beyond['hex'], beyond['size']], ['', 3_200_000]);
      for (const part of ['length=1048577', 'length=0', 'offset=-1', 'offset=x'])
        assert.equal((await at.world.get(`/api/dead-letters/${id}?${part}`)).status, 400);
    });

    it('of one organisation are nothing to another, in the list, by number, by filter and by cursor', async () => {
      await at.store.query(`INSERT INTO dead_letters (source, topic, reason, bytes, digest, org_id)
        SELECT 's', 't', 'secret of ' || org, 'x', gen_random_uuid(), nullif(org, '')
        FROM unnest(ARRAY['north', 'south', '', 'north', 'south']) AS org`);
      const all = await at.rows('/api/dead-letters');
      assert.equal(all.length, 5);
      for (const [org, count] of [
        ['north', 2],
        ['south', 2],
        ['west', 0],
      ] as const) {
        const own = bearer(tokenFor('admin', org));
        const cursor = Buffer.from(JSON.stringify([Number.MAX_SAFE_INTEGER])).toString('base64url');
        for (const path of ['', '?source=s', '?state=open', `?cursor=${cursor}`, '?org_id=south', '?limit=1000']) {
          const seen = await at.rows(`/api/dead-letters${path}`, own);
          const reasons = new Set(seen.map(row => row['reason']));
          assert.deepEqual([...reasons, seen.length], count > 0 ? [`secret of ${org}`, count] : [0], path);
        }
        for (const { id, reason } of all)
          assert.equal(
            (await at.world.get(`/api/dead-letters/${id}`, own)).status,
            reason === `secret of ${org}` ? 200 : 404,
          );
      }
    });
  });
});
