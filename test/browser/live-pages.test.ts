// Live rows in a real browser: two tabs, with an EventSource and live.js in each, through a stop, a start and a kill of the gateway.
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { firstKeyOf, postIngest } from '../support/gateway.ts';
import { onEditor } from './editor.ts';

/** Of a page: what came over each of the two, in order, and how often each was told of a gap. */
const FOLLOW = `(async () => {
  const seen = (window.seen = { page: [], stream: [], pageGaps: 0, streamGaps: 0, ready: 0 });
  const { connect } = await import('/fieldline/live.js');
  connect({ onState: state => (seen.ready += state === 'open') })
    .subscribe('device:meter1', { onGap: () => seen.pageGaps++ }, row => seen.page.push(row.power_kw));
  const source = new EventSource('/sse?channel=device:meter1');
  source.onopen = () => seen.ready++;
  source.addEventListener('gap', () => seen.streamGaps++);
  source.addEventListener('pub', ({ data }) => seen.stream.push(JSON.parse(data).data.power_kw));
})()`;
type Seen = { page: number[]; stream: number[]; pageGaps: number; streamGaps: number; ready: number };

describe('live rows in two tabs of a browser', () => {
  const editor = onEditor();
  let key: string;
  const tabs: Page[] = [];

  before(async () => {
    const { gateway, page } = editor;
    key = await firstKeyOf(gateway);
    tabs.push(page, await editor.tab());
    for (const tab of tabs) {
      await tab.goto(`${gateway.url}/fieldline/live.html`);
      await tab.evaluate(FOLLOW);
      await tab.waitForFunction('seen.ready === 2');
    }
  });

  let sent = 0;
  async function send(): Promise<void> {
    const reading = { device_id: 'meter1', power_kw: ++sent, timestamp: new Date(1.77e12 + sent * 1000) };
    const answer = await postIngest(editor.gateway, key, reading);
    assert.equal(answer.status, 200, await answer.text());
  }
  const all = () => Promise.all(tabs.map(tab => tab.evaluate('seen') as Promise<Seen>));
  const arrived = async (value: number) => {
    for (const tab of tabs)
      await tab.waitForFunction(`seen.page.at(-1) === ${value} && seen.stream.at(-1) === ${value}`);
  };

  it('go on over a stop and a start without loss or repetition', async () => {
    await send();
    await arrived(1);
    assert.equal((await editor.gateway.end('SIGTERM')).code, 0);
    await editor.gateway.start();
    await send();
    await arrived(2);
    for (const seen of await all())
      assert.deepEqual([seen.page, seen.stream, seen.pageGaps, seen.streamGaps], [[1, 2], [1, 2], 0, 0]);
  });

  it('are told of the gap that a kill may leave, and go on', async () => {
    await editor.gateway.end('SIGKILL');
    await editor.gateway.start();
    for (const tab of tabs) await tab.waitForFunction('seen.pageGaps > 0 && seen.streamGaps > 0');
    await send();
    await arrived(3);
    assert.deepEqual(editor.faults, []);
  });
});
