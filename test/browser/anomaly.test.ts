// The dialog of anomaly in a real browser: stored values with band and score, judged by settings that were never deployed.
import assert from 'node:assert/strict';
import path from 'node:path';
import mqtt from 'mqtt';
import type { Store } from '../../src/store/store.ts';
import { untilAt } from '../support/until.ts';
import { onEditor } from './editor.ts';

describe('browser: settings of the anomaly score are tried on stored values', () => {
  const editor = onEditor();
  let store: Store;
  before(async () => {
    ({ store } = editor);
    // A daily curve every five minutes for four days, with a spike in the third and a dip in the last hours. On the hour: what
    // the score has learned of a time of the day must not depend on the minute in which this runs.
    await store.query(`INSERT INTO sensor_readings (device_id, metric, timestamp, value)
      SELECT 'a-boiler', 'pressure', date_trunc('hour', now()) - (1200 - n) * interval '5 minutes',
        20 + 3 * sin(n / 45.8) + 0.3 * sin(n * 12.9898) + CASE n WHEN 850 THEN 15 WHEN 1160 THEN -8 ELSE 0 END FROM generate_series(1, 1200) AS n`);
    await store.query(
      `INSERT INTO latest_values (device_id, metric, value, timestamp) VALUES ('a-boiler', 'pressure', 20, now()), ('b-boiler', 'temperature', 60, now()),
        ('c-boiler', 'voltage', 5, now()), ('d-boiler', 'gone', 5, now())`,
    );
    await store.query(`INSERT INTO sensor_readings (device_id, metric, timestamp, value)
      SELECT 'b-boiler', 'temperature', now() - n * interval '1 minute', 60 + sin(n * 12.9898) FROM generate_series(1, 200) AS n`);
    await store.query(`INSERT INTO sensor_readings (device_id, metric, timestamp, value)
      SELECT 's-boiler', 'pressure', now() - n * interval '1 second', n FROM generate_series(1, 3) AS n`);
    await store.query(`INSERT INTO sensor_readings (device_id, metric, timestamp, value)
      SELECT 'c-boiler', 'voltage', now() - n * interval '1 second', n FROM generate_series(1, 20) AS n`);
  });
  const shot = async (name: string): Promise<void> => {
    const folder = process.env['FIELDLINE_SHOTS'];
    if (folder) await editor.page.screenshot({ path: path.join(folder, `${name}.png`) });
  };

  it('draws the last values of the first device at once', async () => {
    const { page } = editor;
    await page.evaluate(`RED.view.importNodes([{ id: 'anom1', type: 'fieldline-anomaly', z: RED.workspaces.active(), x: 400, y: 900, wires: [[]] }],
      { addFlow: false, touchImport: true, generateIds: false })`);
    await page.evaluate('RED.editor.edit(RED.nodes.node("anom1"))');
    await page.locator('#fl-anomaly-says', { hasText: '1200 values' }).waitFor();
    assert.equal(await page.locator('#fl-anomaly-device').inputValue(), 'a-boiler');
    assert.match(
      (await page.locator('#fl-anomaly-says').textContent()) ?? '',
      /1200 values in 4\.1\d+ days, one in 5 min; the first 64 only taught: 2 anomalies, 2 alarms\. False alarms to be expected at this rate: one in 34\.\d+ days\./,
    );
    assert.equal(await page.locator('#fl-anomaly-plot circle').count(), 2);
    assert.match((await page.locator('#fl-anomaly-plot .fl-band').getAttribute('d')) ?? '', /^M.*Z$/);
    assert.match(
      (await page.locator('#fl-anomaly-list tbody tr').nth(1).textContent()) ?? '',
      /spike(info|warning|critical)pressure is \d+\.\d+ hPa, far above what is usual: about .* would have passed\.-0\.\d\d$/,
    );
    await page.locator('#fl-anomaly-list').scrollIntoViewIfNeeded();
    await shot('anomaly-1');
  });

  it('judges anew when a setting changes', async () => {
    const { page } = editor;
    await page.locator('#node-input-alarmNormal').fill('1000');
    await page.locator('#fl-anomaly-says', { hasText: '2 anomalies, 1 alarm.' }).waitFor();
    assert.match((await page.locator('#fl-anomaly-plot .fl-alarm').getAttribute('d')) ?? '', /^(M[\d. ]+H[\d.]+)+$/);
    await page.locator('#node-input-direction').selectOption('up');
    await page.locator('#fl-anomaly-says', { hasText: '1 anomaly, 1 alarm.' }).waitFor();
    assert.equal(await page.locator('#fl-anomaly-plot circle').count(), 1);
    await page.locator('#node-input-nearUnits').fill('40');
    await page.locator('#fl-anomaly-says', { hasText: ' 0 anomalies' }).waitFor();
    await page.locator('#node-input-sensitivity').selectOption('rate');
    await page.locator('#node-input-falseAlarms').fill('35');
    await page.locator('#fl-anomaly-says', { hasText: 'this rate: 1.0' }).waitFor();
    await shot('anomaly-2');
  });

  it('says in words how long a series is, and what it cannot do', async () => {
    const { page } = editor;
    // Whoever looks for another device sees them all.
    await page.locator('#fl-anomaly-device').click();
    await page.locator('.red-ui-menu:visible').getByText('b-boiler', { exact: true }).waitFor();
    await page.locator('#fl-anomaly-device').fill('s-boiler');
    await page.locator('#fl-anomaly-says', { hasText: '3 values in 2 s, one in 1 s' }).waitFor();
    // The metric goes with a device that has not the one before.
    await page.locator('#fl-anomaly-device').fill('b-boiler');
    await page.locator('#fl-anomaly-says', { hasText: '200 values in' }).waitFor();
    assert.equal(await page.locator('#fl-anomaly-metric').inputValue(), 'temperature');
    assert.equal(await page.locator('#fl-anomaly-unit').textContent(), 'in °C');
    await page.locator('#fl-anomaly-metric').fill('pressure');
    await page
      .locator('#fl-anomaly-says', {
        hasText: '0 stored values of b-boiler pressure: too few to draw; it has temperature',
      })
      .waitFor();
    await page.locator('#fl-anomaly-device').fill('nobody');
    await page.locator('#fl-anomaly-metric').fill('pressure');
    await page.locator('#fl-anomaly-says', { hasText: '0 stored values of nobody pressure' }).waitFor();
    await page.locator('#node-input-nearUnits').fill('much');
    await page.locator('#fl-anomaly-says', { hasText: 'expected a number' }).waitFor();
    await page.locator('#node-dialog-cancel').click();
  });

  it('shows value, band and score of the latest anomaly on a page of the dashboard', async () => {
    const { page, gateway } = editor;
    await store.query(`UPDATE sensor_readings SET anomaly_score = -0.3, metadata = '{"anomaly": {"metric": "pressure", "kind": "dip", "severity": "warning", "expected": 20.9, "why": "pressure is 12.1 hPa, far below what is usual"}}'
      WHERE device_id = 'a-boiler' AND value < 13`);
    await page.goto(`${gateway.url}/dashboard/anomalies`);
    await page.getByText('a-boiler, pressure').waitFor();
    await page.locator('#nrdb-ui-widget-fl-an-band canvas').waitFor();
    await page.locator('#nrdb-ui-widget-fl-an-score canvas').waitFor();
    const row = page.locator('#nrdb-ui-widget-fl-an-table tbody tr', { hasText: 'dip' });
    await row.waitFor();
    assert.match((await row.textContent()) ?? '', /a-boiler.*pressure.*dip.*warning.*far below what is usual.*-0\.30/);
    await row.click();
    await shot('anomaly-3');
  });

  const chosen: [series: string, name: string][] = [
    ['c-boiler, voltage', 'c-boiler, voltage in V; learning: its 20 values so far only teach, no alarms yet'],
    ['d-boiler, gone', 'd-boiler, gone nothing is stored'],
    ['b-boiler, temperature', 'b-boiler, temperature in °C'],
  ];
  for (const [series, name] of chosen)
    it(`shows any other series that is chosen: ${name}`, async () => {
      const { page } = editor;
      await page.locator('#nrdb-ui-widget-fl-an-choose input').click();
      await page.getByRole('option', { name: series }).click();
      await page.locator('#nrdb-ui-widget-fl-an-name', { hasText: name }).waitFor();
      await shot(`anomaly-6-${series}`);
    });

  const buttonAt = (text: string, name = 'This was normal') =>
    editor.page
      .locator('#nrdb-ui-widget-fl-an-table tbody tr', { hasText: text })
      .getByRole('button', { name, exact: true });
  const answer = () => editor.page.locator('#nrdb-ui-widget-fl-an-note');

  it('says that a series is known to no node that is deployed', async () => {
    await buttonAt('a-boiler').first().click();
    const says = 'feedback: expected a reading of a series that this node has scored, got "a-boiler, pressure, ';
    await answer().getByText(says).waitFor();
    const { page } = editor;
    const cut = () =>
      page.evaluate<boolean>(`(({ parentElement, scrollHeight }) => scrollHeight > parentElement.clientHeight)(
        document.querySelector('#nrdb-ui-widget-fl-an-note [role=status]'))`);
    const { width, height } = page.viewportSize()!;
    await page.setViewportSize({ width: 390, height: 844 });
    assert.equal(await cut(), false);
    await page.setViewportSize({ width, height });
  });

  it('takes "this was normal" for the device that was pressed alone, changes nothing that is stored, and takes it back', async () => {
    const { gateway, page } = editor;
    const until = untilAt(() => gateway);
    const client = await mqtt.connectAsync(gateway.mqtt);
    const began = Date.now() - 400 * 60_000;
    const wobble = (n: number) => ((n * 7919) % 101) / 101 + ((n * 104_729) % 97) / 97;
    const play = async (from: number, to: number) => {
      for (let n = from; n < to; n++) {
        const power = n === to - 1 ? 60 : 2 + wobble(n);
        const timestamp = new Date(began + n * 30_000).toISOString();
        // Two metrics show the load of the press: one word is for both.
        for (const [device, more] of [['press', { current: 4 * power }] as const, ['lathe', {}] as const])
          await client.publishAsync(
            `homelab/energy/${device}`,
            JSON.stringify({ timestamp, power_kw: power, ...more }),
            { qos: 1 },
          );
      }
    };
    /** Of the value that both devices had at these times. */
    const scores = (device: string) =>
      store.query<{ score: number }>(
        'SELECT anomaly_score AS score FROM energy_readings WHERE device_id = $1 AND power_kw = 60 ORDER BY timestamp',
        [device],
      );
    await play(0, 400);
    await until('the first spikes', async () => (await scores('lathe')).length + (await scores('press')).length === 2);
    await store.query(`UPDATE devices SET name = 'Big press' WHERE device_id = 'press'`);
    const [stored] = await scores('press');
    assert.ok(stored!.score < 0);
    await buttonAt('Big press').click();
    await answer()
      .getByText(/press, \w+, \d+ and with it \w+: normal\. /)
      .waitFor();
    await page.getByText(/^press, (power_kw|current)$/).waitFor();
    const told = editor.page.locator('#nrdb-ui-widget-fl-an-table tbody tr', { hasText: 'Big press' });
    assert.match((await told.textContent()) ?? '', /would have passed\. Odd with it: (current|power_kw)\./);
    await shot('anomaly-4');
    await play(400, 600);
    await until('the next spikes', async () => (await scores('lathe')).length + (await scores('press')).length === 4);
    const [before, after] = await scores('press');
    assert.deepEqual(before, stored);
    assert.ok(after!.score > 0.5, `got ${after!.score}`);
    assert.deepEqual(
      (await scores('lathe')).map(({ score }) => score < 0),
      [true, true],
    );
    await buttonAt('Big press', 'Undo').click();
    await answer()
      .getByText(/press, \w+, \d+ and with it \w+: no longer normal\. /)
      .waitFor();
    await shot('anomaly-5');
    await play(600, 800);
    await until('the last spikes', async () => (await scores('lathe')).length + (await scores('press')).length === 6);
    assert.ok((await scores('press'))[2]!.score < 0);
    await client.endAsync();
  });

  it('says in the dialog that nothing is stored, before there is anything', async () => {
    const { page, gateway } = editor;
    await store.query('DELETE FROM latest_values');
    await page.goto(`${gateway.url}/`);
    await page.waitForSelector('.red-ui-flow-node');
    await editor.edit('fl-anom');
    await page.locator('#fl-anomaly-says', { hasText: 'Nothing is stored yet' }).waitFor();
    await editor.leave();
  });

  it('had no script error on the way', () => assert.deepEqual(editor.faults, []));
});
