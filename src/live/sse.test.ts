// /sse with the public client `eventsource` and by hand: rows, resume through a cut line, gaps, refusals, and who does not read.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { EventSource } from 'eventsource';
import type { Identify } from '../reading/principal.ts';
import { type Admission, type AdmissionOptions, openAdmission } from './admission.ts';
import { createHub, type Hub } from './hub.ts';
import { laser, type Served, visited } from './live.fixture.ts';
import { type SseOptions, sseEndpoint } from './sse.ts';
import { until } from '../../test/support/until.ts';

type Told = { channel: string; offset: number; data: { value_mm: number } };

describe('live server-sent events', () => {
  let hub: Hub;
  let admission: Admission;
  let served: Served;
  const place = visited<EventSource>(source => source.close());

  async function start(options: SseOptions = {}, more: Partial<AdmissionOptions> = {}): Promise<void> {
    hub = createHub({ historyRows: 1000 });
    admission = openAdmission({ identify: () => ({ role: 'viewer' }), ...more });
    served = await place.serve(hub, sseEndpoint(hub, admission, options));
  }

  async function open(query: string) {
    const source = place.joined(new EventSource(`http://${served.at}/sse?${query}`));
    const values: number[] = [];
    const snapshots: number[] = [];
    const it = { source, values, snapshots, gaps: 0 };
    source.addEventListener('pub', ({ data }) => values.push((JSON.parse(data) as Told).data.value_mm));
    source.addEventListener('snapshot', ({ data }) => snapshots.push((JSON.parse(data) as Told).data.value_mm));
    source.addEventListener('gap', () => it.gaps++);
    await once(source as never, 'open');
    return it;
  }

  it('gives the snapshot, then the rows that pass the filter', async () => {
    await start();
    hub.publish([laser(1, { sessionId: 'S1' }), laser(2, { sessionId: 'S2' }, 'D2')]);
    const { values, snapshots } = await open('channel=measurement-stream&snapshot=1&filter=session_id=eq.S1');
    hub.publish([laser(3), laser(4, { sessionId: 'S1' })]);
    await until(() => values.length === 1);
    assert.deepEqual([snapshots, values], [[1], [4]]);
  });

  it('takes a question mark in a name for what it is', async () => {
    await start();
    const { values } = await open('channel=device:what?&filter=session_id=eq.S1?');
    hub.publish([laser(1, { sessionId: 'S1' }, 'what?'), laser(2, { sessionId: 'S1?' }, 'what?')]);
    await until(() => values.length > 0);
    assert.deepEqual(values, [2]);
  });

  it('goes on without loss or repetition while rows are published and the line is cut', async () => {
    await start();
    const { source, values } = await open('channel=device:D1');
    // The client waits as long as the server says: a second.
    let sent = 0;
    const publishing = setInterval(() => hub.publish([laser(++sent), laser(++sent)]), 5);
    await until(() => sent > 20);
    served.cut();
    await once(source as never, 'open');
    await until(() => sent > 440);
    clearInterval(publishing);
    await until(() => values.at(-1) === sent);
    assert.deepEqual(
      values,
      Array.from({ length: sent }, (_, at) => at + 1),
    );
  });

  it('resumes a line that was cut before its first row', async () => {
    await start();
    const { source, values } = await open('channel=device:D1');
    served.cut();
    hub.publish([laser(1)]);
    await once(source as never, 'open');
    await until(() => values.length === 1);
  });

  /** A request by hand: what comes until `enough` says so. */
  async function read(query: string, headers: Record<string, string>, enough: RegExp): Promise<string> {
    const abort = new AbortController();
    const answer = await fetch(`http://${served.at}/sse?${query}`, { headers, signal: abort.signal });
    assert.equal(answer.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    let text = '';
    for await (const chunk of answer.body!) {
      text += Buffer.from(chunk).toString();
      if (enough.test(text)) break;
    }
    abort.abort();
    return text;
  }

  it('tells a gap where it cannot go on, and where it is now', async () => {
    await start();
    await read('channel=device:D1', {}, /id: \S+/);
    hub.publish(Array.from({ length: 1500 }, (_, at) => laser(at)));
    for (const id of [`${hub.epoch}.1`, 'another.1500', `${hub.epoch}.99999999`, 'garbage', `${hub.epoch}.-1`]) {
      const text = await read('channel=device:D1&snapshot=1', { 'last-event-id': id }, /id: \S+\n\n$/);
      assert.match(text, /event: gap\ndata: \{\}\n\nevent: snapshot\n.*\n\nid: \S+\.1501\n\n$/s, id);
    }
    const text = await read(`channel=device:D1&last_event_id=${hub.epoch}.1499`, {}, /1499[^}]*\}\}\n\n$/);
    assert.doesNotMatch(text, /gap/);
  });

  it('tells those who are there when the thread is lost', async () => {
    await start();
    const it = await open('channel=device:D1');
    hub.breakOff();
    await until(() => it.gaps === 1);
  });

  const refused: [query: string, status: number][] = [
    ['', 400],
    ['channel=nope', 400],
    ['channel=device:*', 400],
    ['channel=alarms&channel=system', 400],
    ['channel=alarms&filter=nope=eq.1', 400],
    ['channel=alarms&conflate_ms=5', 400],
    [`channel=alarms&filter=${Array(17).fill('metric=like.a%25').join()}`, 400],
    ['channel=alarms&conflate_ms=x', 400],
    ['channel=alarms&token=bad', 401],
  ];
  for (const [query, status] of refused)
    it(`answers ${status} to ${query || 'no channel'}`, async () => {
      await start({}, { identify: (_, token) => (token === 'bad' ? { refused: 'not you' } : { role: 'viewer' }) });
      const answer = await fetch(`http://${served.at}/sse?${query}`);
      assert.equal(answer.status, status);
      assert.equal(answer.headers.get('content-type'), 'application/problem+json');
      assert.equal(((await answer.json()) as { status: number }).status, status);
    });

  it('says what it was given that is no number', async () => {
    await start();
    const answer = await fetch(`http://${served.at}/sse?channel=alarms&conflate_ms=often`);
    assert.match(((await answer.json()) as { title: string }).title, /^conflate_ms: expected a number .* got "often"$/);
  });

  it('refuses pages of other sites, other methods and one client too many', async () => {
    await start({}, { maxConnections: 1, origins: ['https://scada.example'] });
    const url = `http://${served.at}/sse?channel=alarms`;
    assert.equal((await fetch(url, { headers: { origin: 'https://evil.example' } })).status, 403);
    assert.equal((await fetch(url, { method: 'POST' })).status, 405);
    const page = await fetch(url, { headers: { origin: 'https://scada.example' } });
    assert.equal(page.headers.get('access-control-allow-origin'), 'https://scada.example');
    assert.equal((await fetch(url)).status, 503);
    await page.body!.cancel();
    await until(() => admission.clients === 0);
    assert.equal((await fetch(url)).status, 200);
  });

  it('keeps a silent line open, and ends it with the token', async () => {
    await start({ keepAliveMs: 10 }, { identify: () => ({ role: 'viewer', expiresAt: Date.now() + 100 }) });
    const answer = await fetch(`http://${served.at}/sse?channel=alarms`);
    assert.match(await answer.text(), /(:\n\n){2}/);
  });

  it('takes an empty token in the address for none, so that a header counts', async () => {
    const identify: Identify = ({ headers }, token) =>
      (token ?? headers.authorization) === 'Bearer T' ? { role: 'viewer' } : { refused: 'not you' };
    await start({}, { identify });
    const answer = await fetch(`http://${served.at}/sse?channel=alarms&token=`, {
      headers: { authorization: 'Bearer T' },
    });
    assert.equal(answer.status, 200);
    await answer.body!.cancel();
  });

  it('ends with the token, not with the next comment', async () => {
    await start({}, { identify: () => ({ role: 'viewer', expiresAt: Date.now() + 50 }) });
    const answer = await fetch(`http://${served.at}/sse?channel=alarms`);
    assert.doesNotMatch(await answer.text(), /^:/m);
  });

  it('lets pages of listed sites, and no others, send a header of their own', async () => {
    await start({}, { origins: ['https://scada.example'] });
    const ask = (origin: string) =>
      fetch(`http://${served.at}/sse?channel=alarms`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' },
      });
    const allowed = await ask('https://scada.example');
    assert.equal(allowed.status, 204);
    assert.equal(allowed.headers.get('access-control-allow-origin'), 'https://scada.example');
    assert.match(allowed.headers.get('access-control-allow-headers') ?? '', /authorization/);
    assert.equal((await ask('https://evil.example')).status, 403);
  });

  it('cuts off who does not read, and delays nobody else', async () => {
    await start({ queueBytes: 50_000 });
    const good = await open('channel=device:D1');
    const [host, port] = served.at.split(':');
    const stalled = connect(Number(port), host);
    stalled.on('error', () => {});
    stalled.write('GET /sse?channel=device:D1 HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(stalled, 'readable');
    await until(() => admission.clients === 2);
    let sent = 0;
    while (admission.clients === 2) {
      hub.publish(Array.from({ length: 200 }, () => laser(++sent)));
      await until(() => good.values.length === sent);
    }
    assert.equal(good.values.length, sent);
    stalled.destroy();
  });
});
