// Pages of other web sites: those that are named may ask, by the rules of browsers (Fetch, CORS); any other gets what a browser shows to nobody.
import assert from 'node:assert/strict';
import { bearer, openWorld, tokenFor, type World } from './api.fixture.ts';

const APP = 'https://app.example';

describe('pages of other sites', () => {
  let world: World;
  before(async () => {
    world = await openWorld(async () => [], { origins: [APP, 'http://localhost:5173'] });
  });
  after(() => world.close());

  const preflight = (origin: string, path = '/rest/v1/measurements') =>
    fetch(world.base + path, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'apikey,authorization,content-type,prefer,x-client-info',
      },
    });

  it('may send what supabase-js sends, and read what it reads', async () => {
    const asked = await preflight(APP);
    assert.equal(asked.status, 204);
    assert.equal(asked.headers.get('access-control-allow-origin'), APP);
    assert.match(asked.headers.get('access-control-allow-methods') ?? '', /GET.*POST.*PATCH/);
    assert.match(asked.headers.get('access-control-allow-headers') ?? '', /apikey,.*prefer,x-client-info/);
    const token = bearer(tokenFor('viewer', 'north'));
    for (const path of ['/rest/v1/measurements', '/api/devices', '/api/devices/none', '/api/history']) {
      const answer = await world.get(path, { ...token, origin: APP });
      assert.equal(answer.headers.get('access-control-allow-origin'), APP, `${path} ${answer.status}`);
      assert.match(answer.headers.get('access-control-expose-headers') ?? '', /content-range/);
      assert.match(answer.headers.get('vary') ?? '', /origin/);
      assert.equal(answer.headers.get('access-control-allow-credentials'), null, 'no cookies');
    }
    const refused = await world.get('/api/devices', { authorization: 'Bearer eyJ.x.y', origin: APP });
    assert.deepEqual([refused.status, refused.headers.get('access-control-allow-origin')], [401, APP], 'reads why');
  });

  it('may not where they are not named', async () => {
    for (const origin of ['https://evil.example', `${APP}.evil`, 'http://app.example', 'null', 'garbage']) {
      const asked = await preflight(origin);
      assert.deepEqual([asked.status, asked.headers.get('access-control-allow-origin')], [405, null], origin);
      const answer = await world.get('/api/devices', { origin });
      assert.equal(answer.headers.get('access-control-allow-origin'), null, origin);
    }
  });

  it('are asked for by name only where there is something', async () => {
    assert.equal((await preflight(APP, '/elsewhere')).status, 404);
    const plain = await fetch(`${world.base}/api/devices`, { method: 'OPTIONS' });
    assert.deepEqual([plain.status, plain.headers.get('allow')], [405, 'GET, HEAD']);
  });
});
