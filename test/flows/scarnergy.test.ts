// flows/scarnergy.json and flows/bt-mqtt-scanner.json in a running gateway on captures: what reaches database and MQTT.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import mqtt from 'mqtt';
import type pg from 'pg';
import type { FlowNode, Gateway } from '../../bench/gateway.ts';
import { type GatewayOnDatabase, gatewayOnDatabase } from '../support/gateway.ts';
import { untilAt } from '../support/until.ts';

const root = path.resolve(import.meta.dirname, '../..');
const flowOf = (name: string) => JSON.parse(readFileSync(path.join(root, 'flows', name), 'utf8')) as FlowNode[];
const METER = 'demo-00:13:43:A1:B2:C3';

describe('seeds 000 and 001 on the radio', () => {
  let running: GatewayOnDatabase;
  let gateway: Gateway;
  let pool: pg.Pool;
  let client: mqtt.MqttClient;
  const messages: [topic: string, payload: Record<string, unknown>][] = [];
  const on = (topic: string) => messages.filter(([name]) => name === topic).map(([, payload]) => payload);

  before(async function () {
    running = await gatewayOnDatabase(this, 'scarnergy', { FIELDLINE_DEMO: 'on' });
    ({ gateway, pool } = running);
    client = mqtt.connect(gateway.mqtt);
    client.on('message', (topic, payload) => {
      if (topic !== 'bt-mqtt/command/scanner-1') messages.push([topic, JSON.parse(payload.toString())]);
    });
    await client.subscribeAsync(['scarnergy/#', 'bt-mqtt/+/scanner-1', 'bt-mqtt/+/scanner-1/+'], { qos: 1 });
  });
  after(async () => {
    await client?.endAsync(true);
    await running?.remove();
  });

  const until = untilAt(() => gateway);
  const rows = async (where: string): Promise<Record<string, unknown>[]> =>
    (await pool.query<Record<string, unknown>>(`SELECT * FROM measurements WHERE ${where} ORDER BY timestamp`)).rows;

  it('path B: a meter over Bluetooth, to database and MQTT in parallel (A01–A03, A05, A07, A12)', async () => {
    await gateway.deploy('full', () => flowOf('scarnergy.json'));
    const topic = `scarnergy/measurements/${METER}`;
    await until('a row of the bridge', async () => (await rows(`source = 'bridge'`)).length > 2);
    await until('the same on MQTT', () => on(topic).length > 2);
    const [first] = await rows(`source = 'bridge'`);
    assert.equal(first?.['device_id'], METER);
    assert.match(String(first?.['raw_hex']), /^c05510/);
    assert.equal(typeof first?.['anomaly_score'], 'number');
    const { type, value_mm: value, raw_hex: hex, device_id: device, source, timestamp } = on(topic)[0]!;
    assert.deepEqual([type, typeof value, device, source], ['measurement', 'number', METER, 'bridge']);
    assert.match(`${hex} ${timestamp}`, /^c05510[0-9a-f]+ \d{4}-\d\d-\d\dT[\d:]+\.\d{3}\d*Z$/);
    await until('the status', () => on(`scarnergy/status/${METER}`).length > 0);
    assert.equal(on(`scarnergy/status/${METER}`)[0]?.['type'], 'status');
    await until('the device', async () => {
      const found = await pool.query('SELECT connected FROM devices WHERE device_id = $1', [METER]);
      return found.rows[0]?.connected === true;
    });
  });

  it('path C: a meter that publishes by itself (A06, A07); what path B published is stored once', async () => {
    const message = {
      ...{ type: 'measurement', value_mm: 2450.5, raw_hex: 'c0551006000001cdcc1c400000000000000000dc' },
      ...{ device_id: 'AA:BB:CC:DD:EE:FF', session_id: 's-1', element_type: 'gevel', element_id: 'e-1' },
      ...{ source: 'esp32', anomaly_score: 0.85, timestamp: new Date().toISOString() },
    };
    await client.publishAsync('scarnergy/measurements/AA:BB:CC:DD:EE:FF', JSON.stringify(message), { qos: 1 });
    await until('its row', async () => (await rows(`source = 'esp32'`)).length > 0);
    const [row] = await rows(`source = 'esp32'`);
    const { device_id: device, session_id: session, value_mm: value, anomaly_score: score } = row!;
    assert.deepEqual([device, session, Number(value), Number(score)], ['AA:BB:CC:DD:EE:FF', 's-1', 2450.5, 0.85]);
    const bridged = await rows(`source = 'bridge'`);
    const times = bridged.map(({ timestamp }) => String(new Date(timestamp as Date).getTime()));
    assert.equal(new Set(times).size, times.length);
  });

  it('the scanner: adverts once per window, heartbeat, commands (B01–B08)', async () => {
    await gateway.deploy('full', () => flowOf('bt-mqtt-scanner.json'));
    // A command that is published before somebody has subscribed goes to nobody.
    await until('the subscription', async () => (await gateway.health()).status === 200);
    await until('adverts', () => on('bt-mqtt/raw/scanner-1').length > 3);
    const heard = on('bt-mqtt/raw/scanner-1').map(({ address }) => address);
    assert.equal(new Set(heard.slice(0, 4)).size, 4, heard.join());
    assert.equal(on('bt-mqtt/raw/scanner-1')[0]?.['scanner_id'], 'scanner-1');
    const beats = () => on('bt-mqtt/scanner/scanner-1/status').length;
    await until('the heartbeat', () => beats() > 0);
    const before = beats();
    const results = () => on('bt-mqtt/command/scanner-1/result');
    for (const [at, text] of [
      '{"id":1,"command":"heartbeat"}',
      '{"id":2,"command":"restart_scan"}',
      'dance',
    ].entries()) {
      await client.publishAsync('bt-mqtt/command/scanner-1', text, { qos: 1 });
      await until(`the answer to ${text}`, () => results().length > at);
    }
    assert.deepEqual(results(), [
      { id: 1, ok: true },
      { id: 2, ok: true },
      { ok: false, error: 'not JSON' },
    ]);
    await until('the heartbeat that was asked for', () => beats() > before);
  });
});
