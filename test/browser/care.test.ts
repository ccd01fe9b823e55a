// The page Care of the dashboard in a real browser: dead letters inspected, put right, sent again and discarded; the archive replayed.
import assert from 'node:assert/strict';
import mqtt from 'mqtt';
import type { Store } from '../../src/store/store.ts';
import { until } from '../support/until.ts';
import { onEditor } from './editor.ts';

describe('browser: the page Care', () => {
  const editor = onEditor();
  let store: Store;
  let client: mqtt.MqttClient;
  const publish = (power: number, voltage: number, note: string) =>
    client.publishAsync(
      'homelab/energy/m1',
      JSON.stringify({ timestamp: new Date().toISOString(), power_kw: power, voltage, note }),
      { qos: 1 },
    );
  before(async () => {
    ({ store } = editor);
    client = await mqtt.connectAsync(editor.gateway.mqtt);
    await store.query('ALTER TABLE energy_readings ADD CONSTRAINT mains CHECK (voltage < 1000)');
    await publish(1, 230, 'good');
    await publish(2, 23000, 'bad');
    await publish(3, 99000, 'bad');
    await publish(4, 50000, 'x'.repeat(5000));
    await editor.page.goto(`${editor.gateway.url}/dashboard/care`);
  });
  after(() => client?.endAsync());
  const stored = async () =>
    (await store.query<{ power_kw: number }>('SELECT power_kw FROM energy_readings ORDER BY power_kw')).map(
      row => row.power_kw,
    );
  const row = (text: string) => editor.page.locator('tbody tr', { hasText: text });
  const content = () => editor.page.getByLabel('Content');
  const press = (name: string) => editor.page.getByRole('button', { name }).click();
  /** In the order in which they were published; which is given up first is not said. */
  const states = async () =>
    (
      await store.query<{ state: string }>(
        `SELECT state FROM dead_letters ORDER BY substring(convert_from(bytes, 'UTF8') FROM '"power_kw":(\\d+)')`,
      )
    ).map(({ state }) => state);
  const tries = (text: string, count: number) => row(text).locator('td:nth-child(6)', { hasText: String(count) });
  /** By keyboard: a line that can only be clicked is out of reach for who has no mouse. */
  async function choose(text: string): Promise<void> {
    const [id = ''] = await row(text).locator('td').allTextContents();
    await row(text).getByRole('button', { name: 'Show' }).press('Enter');
    await editor.page.getByText(new RegExp(`^${id.trim()}: `)).waitFor();
  }

  it('lists them with reason and content', async () => {
    await row('23000').waitFor();
    assert.match((await row('23000').textContent()) ?? '', /23514/);
    // The page may show at first what it was told of last.
    await row('23514').nth(2).waitFor();
    assert.equal(await row('23514').count(), 3);
    assert.deepEqual(await stored(), [1]);
  });

  it('lists what waits behind a hundred newer ones that do not', async () => {
    await store.query(`INSERT INTO dead_letters (source, kind, reason, bytes, digest, state, last_at)
      SELECT 'old', 'reading', 'r', convert_to('{"power_kw":9}', 'UTF8'), gen_random_uuid(), 'resolved', now() + interval '1 min'
      FROM generate_series(1, 150)`);
    await editor.page.getByText('150 resolved').waitFor();
    await row('23000').waitFor();
    await store.query("DELETE FROM dead_letters WHERE source = 'old'");
  });

  it('shows bytes as they are: lines stay lines, tags are text, the hex is seen whole', async () => {
    const lines = 'first line\n{"power_kw":7,"voltage":2}\nlast';
    await store.query(
      `INSERT INTO dead_letters (source, kind, topic, reason, bytes, digest, state, last_at)
       VALUES ('s', 'raw', 'text/7', 'expected <value>, got <b>none</b>', convert_to($1, 'UTF8'), gen_random_uuid(), 'open', now())`,
      [lines],
    );
    await row('text/7').waitFor();
    await choose('text/7');
    await editor.page.getByText(/^\d+: expected <value>, got <b>none<\/b>$/).waitFor();
    await content().waitFor();
    assert.equal(await content().inputValue(), lines);
    const hex = editor.page.getByRole('region', { name: 'Hex' });
    const seen = await editor.page.evaluate<boolean>(`(() => {
      const box = document.querySelector('.fl-hex');
      return box.clientHeight >= 60 && (box.scrollHeight <= box.clientHeight || getComputedStyle(box).overflowY === 'auto');
    })()`);
    assert.ok(seen, 'lines of it, and a way to the rest');
    assert.match((await hex.textContent()) ?? '', new RegExp(Buffer.from(lines).toString('hex')));
    const when = (await row('text/7').locator('td').nth(2).textContent()) ?? '';
    const here = await editor.page.evaluate(`new Date().toLocaleDateString()`);
    assert.ok(when.includes(String(here)), `${when}: expected the time where the browser is, ${here}`);
    await store.query(`DELETE FROM dead_letters WHERE source = 's'`);
    await row('text/7').waitFor({ state: 'detached' });
  });

  for (const [kind, fix, shows] of [
    ['text', 'wrong again', 'wrong again'],
    ['no text', '\\x0001', '0001'],
  ] as const)
    it(`shows what was put in the place of a letter, ${kind}, and beside it what had come`, async () => {
      await store.query(
        `INSERT INTO dead_letters (source, kind, topic, reason, bytes, fixed, digest, state, last_at)
         VALUES ('s', 'raw', 'fixed/7', 'r', convert_to('as it came', 'UTF8'), $1::text::bytea, gen_random_uuid(), 'open', now())`,
        [fix],
      );
      await row('fixed/7').waitFor();
      await choose('fixed/7');
      await editor.page.getByText('As it came, before it was put right').waitFor();
      assert.equal(await content().inputValue(), shows);
      assert.match((await editor.page.getByRole('region', { name: 'Hex' }).textContent()) ?? '', /as it came/);
      await store.query(`DELETE FROM dead_letters WHERE source = 's'`);
      await row('fixed/7').waitFor({ state: 'detached' });
    });

  it('puts one right and sends it again, whatever somebody else has before them', async () => {
    await choose('23000');
    await editor.page.getByText(Buffer.from('"voltage":23000').toString('hex')).waitFor();
    await content().fill((await content().inputValue()).replace('23000', '230'));
    const other = await editor.tab();
    await other.goto(`${editor.gateway.url}/dashboard/care`);
    await other.locator('tbody tr', { hasText: '99000' }).click();
    await other.getByText(/^\d+: /).waitFor();
    assert.match(await other.getByLabel('Content').inputValue(), /99000/);
    assert.match(await content().inputValue(), /"voltage":230}/);
    await press('Send it again');
    await row('23000').waitFor({ state: 'detached' });
    await editor.page.getByText(/^\d+: dealt with$/).waitFor();
    await store.query("UPDATE dead_letters SET reason = 'refused anew' WHERE state = 'open'");
    await other.getByText(/^\d+: refused anew$/).waitFor();
    assert.match(await other.getByLabel('Content').inputValue(), /99000/);
    await editor.page.getByText(/^\d+: dealt with$/).waitFor();
    await other.close();
    assert.deepEqual(await stored(), [1, 2]);
    assert.deepEqual(await states(), ['resolved', 'open', 'open']);
  });

  it('says what has come of an order, also of one that came too late', async () => {
    await press('Discard it');
    await editor.page.getByText('nothing to do: on the way already, or dealt with').waitFor();
  });

  it('shows that one is refused again, and discards it', async () => {
    await choose('99000');
    await press('Send it again');
    await editor.page.getByText('1 letter is on the way').waitFor();
    await tries('99000', 2).waitFor();
    assert.deepEqual(await states(), ['resolved', 'open', 'open']);
    await press('Discard it');
    await row('99000').waitFor({ state: 'detached' });
    await editor.page.getByText('1 letter is discarded. It stays in the table').waitFor();
    await press('Send it again');
    await tries('99000', 3).waitFor();
    await press('Discard it');
    await row('99000').waitFor({ state: 'detached' });
    assert.deepEqual(
      [await states(), await stored()],
      [
        ['resolved', 'discarded', 'open'],
        [1, 2],
      ],
    );
  });

  it('puts nothing in the place of what it does not show whole', async () => {
    await choose('50000');
    await content().fill('{}');
    await press('Send it again');
    await editor.page.getByText('only its first 4096 bytes are shown').waitFor();
    assert.deepEqual(await states(), ['resolved', 'discarded', 'open']);
  });

  it('sends all that are open again', async () => {
    await store.query('ALTER TABLE energy_readings DROP CONSTRAINT mains');
    await press('Send all open again');
    await editor.page.getByText('0 open, 0 queued, 2 resolved, 1 discarded').waitFor();
    assert.deepEqual(await stored(), [1, 2, 4]);
  });

  it('replays the archive, with its progress: what was discarded is stored, the rest is known', async () => {
    await press('Replay the last 24 hours');
    await editor.page.getByText(/\d+: done, 4 of 4 \(100 %\)/).waitFor();
    assert.deepEqual(await stored(), [1, 2, 3, 4]);
  });

  it('stops a replay, and goes on with it', async () => {
    const { gateway, page } = editor;
    for (let power = 5; power <= 14; power += 1) await publish(power, 230, 'more');
    await gateway.deploy('nodes', flows =>
      flows.map(node => (node.id === 'fl-replay' ? { ...node, perSecond: 1 } : node)),
    );
    // The answer to a deploy comes before its nodes are there.
    await until(async () => (await gateway.health()).status === 200);
    await press('Replay the last 24 hours');
    await page.getByText(/\d+: running, \d+ of 14/).waitFor();
    await page.getByRole('progressbar', { name: 'Replay' }).waitFor();
    await press('Stop');
    await page.getByText(/\d+: stopped, \d+ of 14/).waitFor();
    await press('Go on');
    await page.getByText(/\d+: done, 14 of 14 \(100 %\)/).waitFor();
  });

  it('says so when an order got no answer, until the list comes again', async () => {
    await store.query('ALTER TABLE dead_letters RENAME TO lent');
    await press('Send all open again');
    await editor.page.getByText(/^no answer; .*dead_letters/).waitFor();
    await store.query('ALTER TABLE lent RENAME TO dead_letters');
    await editor.page.getByText(/^no answer/).waitFor({ state: 'detached' });
    await store.query('ALTER TABLE replays RENAME TO lent');
    await press('Replay the last 24 hours');
    await editor.page.getByText(/^not done; .*replays/).waitFor();
    await editor.page.getByText(/Said at .*\d/).waitFor();
    await store.query('ALTER TABLE lent RENAME TO replays');
  });

  it('had no script error on the way', () => assert.deepEqual(editor.faults, []));
});
