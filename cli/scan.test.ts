// The scanner without Node-RED: its configuration, and what reaches a real broker.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import mqtt from 'mqtt';
import { type ScanConfig, scanConfig } from './scan-config.ts';
import { type Scanner, startScanner } from './scanner.ts';
import { until } from '../test/support/until.ts';

const yamlIsHere = ((): boolean => {
  try {
    createRequire(import.meta.url).resolve('yaml');
    return true;
  } catch {
    return false;
  }
})();

(yamlIsHere ? describe : describe.skip)(
  `scan, configuration${yamlIsHere ? '' : ' (skipped: yaml is not installed)'}`,
  () => {
    const least = 'scanner_id: attic\nmqtt: {url: "mqtt://127.0.0.1"}\n';

    it('has defaults for all but id and broker', () => {
      assert.deepEqual(scanConfig(least), {
        scannerId: 'attic',
        location: undefined,
        mqtt: { url: 'mqtt://127.0.0.1', topicPrefix: 'bt-mqtt', qos: 1 },
        ble: { hci: 'hci0', active: false },
        dedupSeconds: 10,
        allow: [],
        block: [],
        heartbeatSeconds: 60,
      });
    });

    it('takes what is written', () => {
      const config = scanConfig(`${least.replace('"}', '", topic_prefix: lab/bt, qos: 0}')}
location: under the roof
ble:
  hci: tcp://127.0.0.1:9000
  mode: active
dedup: { window_seconds: 0.5 }
allowlist: ["AA:BB"]
blocklist:
  - aabbccddeeff
heartbeat: { interval_seconds: 5 }
`);
      assert.deepEqual(config, {
        scannerId: 'attic',
        location: 'under the roof',
        mqtt: { url: 'mqtt://127.0.0.1', topicPrefix: 'lab/bt', qos: 0 },
        ble: { hci: 'tcp://127.0.0.1:9000', active: true },
        dedupSeconds: 0.5,
        allow: ['AA:BB'],
        block: ['aabbccddeeff'],
        heartbeatSeconds: 5,
      });
    });

    const wrong: [yaml: string, reason: RegExp][] = [
      ['', /scanner_id: expected a value, got nothing; mqtt.url: expected a value/],
      ['- a', /the file: expected keys and values/],
      ['a: [', /not YAML/],
      [`${least}scaner: 1`, /scaner: unknown key; known are scanner_id, location, mqtt/],
      [`${least}ble: {hci: hci0, mod: active}`, /ble.mod: unknown key; known are hci, mode/],
      [`${least}ble: {mode: loud}`, /ble.mode: expected passive or active, got "loud"/],
      [`${least}ble: {hci: usb0}`, /ble.hci: expected hci0, tcp:/],
      [`${least}ble: {hci: "tcp://here"}`, /ble.hci: expected hci0, tcp:/],
      [`${least}ble: {hci: "tcp://127.0.0.1:0"}`, /ble.hci: expected hci0, tcp:/],
      [`${least}ble: hci0`, /ble: expected keys and values, got "hci0"/],
      [`${least}dedup: {window_seconds: -1}`, /dedup.window_seconds: expected a number from 0/],
      [`${least}dedup: {window_seconds: .nan}`, /dedup.window_seconds: expected a number/],
      [`${least}blocklist: [12]`, /blocklist: expected a list of addresses/],
      [`${least}heartbeat: {interval_seconds: "60"}`, /heartbeat.interval_seconds: expected a number/],
      ['scanner_id: a/b\nmqtt: {url: "mqtt://h"}', /scanner_id: expected a name without blanks/],
      [`${least}toString: 1`, /toString: unknown key/],
    ];
    for (const [yaml, reason] of wrong)
      it(`refuses ${JSON.stringify(yaml.replace(least, '… '))}`, () => assert.throws(() => scanConfig(yaml), reason));

    it('does not show the password of a broker', () => {
      const yaml = 'scanner_id: a\nmqtt: {url: "http://me:secret@h"}';
      assert.throws(
        () => scanConfig(yaml),
        (error: Error) => /mqtt.url/.test(error.message) && !/secret/.test(error.message),
      );
    });
  },
);

describe('scan, at a broker', () => {
  let server: Server;
  let sockets: Set<Socket>;
  let broker: Aedes;
  let port = 0;
  let client: mqtt.MqttClient;
  let messages: [topic: string, payload: Record<string, unknown>][];
  let scanner: Scanner;
  let log: string[];

  async function openBroker(): Promise<void> {
    broker = await Aedes.createBroker();
    sockets = new Set();
    server = createServer(socket => {
      sockets.add(socket);
      broker.handle(socket);
    });
    await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  }
  async function closeBroker(): Promise<void> {
    for (const socket of sockets) socket.destroy();
    await new Promise(resolve => server.close(resolve));
    await new Promise<void>(resolve => broker.close(() => resolve()));
  }
  const on = (topic: string) => messages.filter(([name]) => name === topic).map(([, payload]) => payload);
  const config = (more: Partial<ScanConfig> = {}): ScanConfig => ({
    scannerId: 'attic',
    location: 'roof',
    mqtt: { url: `mqtt://127.0.0.1:${port}`, topicPrefix: 'bt-mqtt', qos: 1 },
    ble: { hci: 'replay:builtin', active: false },
    dedupSeconds: 60,
    allow: [],
    block: [],
    heartbeatSeconds: 1,
    ...more,
  });
  async function start(more: Partial<ScanConfig> = {}): Promise<void> {
    scanner = await startScanner(config(more), (_level, text) => log.push(text));
  }

  beforeEach(async () => {
    [messages, log, port] = [[], [], 0];
    await openBroker();
    client = mqtt.connect(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 50 });
    client.on('message', (topic, payload) => {
      if (!topic.endsWith('command/attic')) messages.push([topic, JSON.parse(payload.toString())]);
    });
    await client.subscribeAsync('bt-mqtt/#', { qos: 1 });
  });
  afterEach(async () => {
    await scanner.close();
    await client.endAsync(true);
    await closeBroker();
  });

  it('publishes each device once per window, in the form of seed 001', async () => {
    await start();
    await until(() => on('bt-mqtt/scanner/attic/status').length >= 3);
    const adverts = on('bt-mqtt/raw/attic');
    const addresses = adverts.map(({ address }) => address);
    assert.ok(addresses.length > 1 && new Set(addresses).size === addresses.length, addresses.join());
    const [first] = adverts;
    assert.equal(first?.['scanner_id'], 'attic');
    assert.match(String(first?.['timestamp']), /^\d{4}-.*Z$/);
  });

  it('says how it is', async () => {
    await start();
    await until(() => on('bt-mqtt/scanner/attic/status').length >= 2);
    const {
      timestamp,
      uptime_s: uptime,
      messages_sent: sent,
      devices_seen: seen,
      ...rest
    } = on('bt-mqtt/scanner/attic/status')[1]!;
    assert.deepEqual(rest, { scanner_id: 'attic', adapter_status: 'on', location: 'roof' });
    assert.match(String(timestamp), /Z$/);
    for (const count of [uptime, sent, seen]) assert.ok(Number(count) >= 1, String(count));
  });

  it('leaves out what the lists leave out', async () => {
    await start({ block: ['00', 'DE'], dedupSeconds: 0 });
    await until(() => on('bt-mqtt/raw/attic').length > 5);
    for (const { address } of on('bt-mqtt/raw/attic')) assert.doesNotMatch(String(address), /^(00|DE)/);
  });

  it('carries out commands, and answers', async () => {
    await start({ heartbeatSeconds: 3600 });
    await until(() => on('bt-mqtt/scanner/attic/status').length === 1);
    const answers = (ok: boolean) => on('bt-mqtt/command/attic/result').filter(answer => answer['ok'] === ok);
    // Until the scanner has subscribed.
    await until(() => {
      client.publish('bt-mqtt/command/attic', '{"id":1,"command":"restart_scan"}', { qos: 1 });
      return answers(true).length > 0;
    });
    assert.deepEqual(answers(true)[0], { id: 1, ok: true });
    await client.publishAsync('bt-mqtt/command/attic', '{"id":2,"command":"heartbeat"}', { qos: 1 });
    await until(() => on('bt-mqtt/scanner/attic/status').length === 2);
    for (const [at, text] of ['{"id":3,"command":"dance"}', 'dance', 'null'].entries()) {
      await client.publishAsync('bt-mqtt/command/attic', text, { qos: 1 });
      await until(() => answers(false).length > at);
    }
    assert.deepEqual(answers(false)[0], {
      id: 3,
      ok: false,
      error: 'command: expected heartbeat or restart_scan, got "dance"',
    });
  });

  it('hears each advert once after two commands to scan anew at one moment', async () => {
    await start({ dedupSeconds: 0, heartbeatSeconds: 3600 });
    const answers = () => on('bt-mqtt/command/attic/result').length;
    await until(() => {
      client.publish('bt-mqtt/command/attic', '{"command":"heartbeat"}', { qos: 1 });
      return answers() > 0;
    });
    const anew = () =>
      client.publishAsync('bt-mqtt/command/attic', '{"id":"anew","command":"restart_scan"}', { qos: 1 });
    await Promise.all([anew(), anew()]);
    await until(() => on('bt-mqtt/command/attic/result').filter(({ id }) => id === 'anew').length === 2);
    messages = [];
    await until(() => on('bt-mqtt/raw/attic').length > 20);
    const heard = on('bt-mqtt/raw/attic').map(({ timestamp: _, ...advert }) => JSON.stringify(advert));
    assert.deepEqual(
      heard.filter((advert, at) => advert === heard[at - 1]),
      [],
    );
  });

  it('drops what the broker cannot take, and goes on when it is back', async () => {
    await start();
    await until(() => on('bt-mqtt/raw/attic').length > 2);
    await closeBroker();
    await until(() => log.includes('the broker is away; adverts are dropped'));
    await openBroker();
    await until(() => log.includes('the broker is there again'));
  });
});
