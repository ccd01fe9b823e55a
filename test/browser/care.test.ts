// The page Care of the dashboard in a real browser: dead letters inspected, put right, sent again and discarded; the archive replayed.
import assert from 'node:assert/strict';
import mqtt from 'mqtt';
import type { Store } from '../../src/store/store.ts';
import { onEditor } from './editor.ts';

describe('browser: the page Care', () => {
  const editor = onEditor();
  let store: Store;
  before(async () => {
    ({ store } = editor);
    const client = await mqtt.connectAsync(editor.gateway.mqtt);
    const publish = (power: number, voltage: number, note: string) =>
      client.publishAsync(
        'homelab/energy/m1',
        JSON.stringify({ timestamp: new Date().toISOString(), power_kw: power, voltage, note }),
        { qos: 1 },
      );
    await store.query('ALTER TABLE energy_readings ADD CONSTRAINT mains CHECK (voltage < 1000)');
    await publish(1, 230, 'good');
    await publish(2, 23000, 'bad');
    await publish(3, 99000, 'bad');
    await publish(4, 50000, 'x'.repeat(5000));
    await client.endAsync();
    await editor.page.goto(`${editor.gateway.url}/dashboard/care`);
  });
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
  async function choose(text: string): Promise<void> {
    const [id = ''] = await row(text).locator('td').allTextContents();
    await row(text).click();
    await editor.page.getByText(new RegExp(`^${id.trim()}: `)).waitFor();
  }

  it('lists them with reason and content', async () => {
    await row('23000').waitFor();
    assert.match((await row('23000').textContent()) ?? '', /23514/);
    assert.equal(await editor.page.locator('tbody tr', { hasText: '23514' }).count(), 3);
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

  it('puts one right and sends it again, whatever somebody else has before them', async () => {
    await choose('23000');
    await editor.page.getByText(Buffer.from('"voltage":23000').toString('hex')).waitFor();
    await content().fill((await content().inputValue()).replace('23000', '230'));
    const other = await editor.page.context().browser()!.newPage();
    await other.goto(`${editor.gateway.url}/dashboard/care`);
    await other.locator('tbody tr', { hasText: '99000' }).click();
    await other.getByText(/^\d+: /).waitFor();
    assert.match(await other.getByLabel('Content').inputValue(), /99000/);
    assert.match(await content().inputValue(), /"voltage":230}/);
    await other.close();
    await press('Send it again');
    await row('23000').waitFor({ state: 'detached' });
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

  it('says so when an order got no answer, until the list comes again', async () => {
    await store.query('ALTER TABLE dead_letters RENAME TO lent');
    await press('Send all open again');
    await editor.page.getByText(/^no answer; .*dead_letters/).waitFor();
    await store.query('ALTER TABLE lent RENAME TO dead_letters');
    await editor.page.getByText(/^no answer/).waitFor({ state: 'detached' });
    await store.query('ALTER TABLE replays RENAME TO lent');
    await press('Replay the last 24 hours');
    await editor.page.getByText(/^not done; .*replays/).waitFor();
    await store.query('ALTER TABLE lent RENAME TO replays');
  });

  it('had no script error on the way', () => assert.deepEqual(editor.faults, []));
});
