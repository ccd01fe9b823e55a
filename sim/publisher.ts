// A small MQTT 3.1.1 publisher, QoS 1, one connection: what a device in the field does. Also tries out whether a broker answers.
import { once } from 'node:events';
import mqtt from 'mqtt-packet';
import { expected, Fault, reasonOf } from '../src/kernel/fault.ts';
import { brokerAddress, dial } from '../src/mqtt/dial.ts';
import { reasonText } from '../src/mqtt/reasons.ts';

export type Publisher = {
  /** Resolves with the broker's PUBACK. Rejects when the connection ends first. */
  publish(topic: string, payload: string): Promise<void>;
  /** Resolves with the reason when the connection has ended, from either side. */
  readonly ended: Promise<string>;
  close(): Promise<void>;
};

const ANSWER_MS = 5000;
const KEEPALIVE_S = 30;
const MAX_PACKET = 1 << 16;
/** Return codes of CONNACK that no waiting will change: version, client id, credentials, right [MQTT-3.2.2.3]. */
const FINAL = new Set([1, 2, 4, 5]);

/** Rejects with a Fault (FIELDLINE_BROKER): `data` where the address or the credentials are wrong, else `outage`. */
export async function connectPublisher(url: string, clientId: string): Promise<Publisher> {
  const address = brokerAddress(url);
  const where = `${address.host}:${address.port}`;
  const away = (reason: string, kind: 'data' | 'outage' = 'outage') =>
    new Fault('FIELDLINE_BROKER', expected('MQTT_URL', `an MQTT broker at ${where}`, reason), { kind });
  const { username, password } = address.url;
  const stream = dial(address, {}, MAX_PACKET, () => undefined);
  const parse = mqtt.parser();
  const waiting = new Map<number, { resolve(): void; reject(fault: Fault): void }>();
  let lastId = 0;
  let reason = 'the connection was closed';
  let kind: 'data' | 'outage' = 'outage';
  const send = (packet: mqtt.Packet) => stream.writable && stream.write(mqtt.generate(packet));

  stream.on('error', (error: NodeJS.ErrnoException) => {
    reason = reasonOf(error);
    // A name that does not exist and a certificate that is not trusted stay so.
    if (/^(ENOTFOUND|ERR_TLS|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO)/.test(error.code ?? '')) kind = 'data';
  });
  stream.on('data', (bytes: Buffer) => parse.parse(bytes));
  parse.on('error', () => {
    kind = 'data';
    stream.destroy(new Error('it does not speak MQTT 3.1.1'));
  });
  const ended = new Promise<string>(resolve => stream.once('close', () => resolve(reason)));
  const accepted = new Promise<void>((resolve, reject) => {
    void ended.then(() => reject(away(reason, kind)));
    parse.on('packet', packet => {
      if (packet.cmd === 'puback') waiting.get(packet.messageId ?? 0)?.resolve();
      if (packet.cmd !== 'connack') return;
      const code = packet.returnCode ?? 0;
      if (code === 0) return resolve();
      if (FINAL.has(code)) kind = 'data';
      stream.destroy(new Error(reasonText(code, undefined)));
    });
  });
  send({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    clientId,
    keepalive: KEEPALIVE_S,
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: Buffer.from(decodeURIComponent(password)) }),
  });
  const late = setTimeout(() => stream.destroy(new Error(`no answer within ${ANSWER_MS / 1000} s`)), ANSWER_MS);
  try {
    await accepted;
  } finally {
    clearTimeout(late);
  }
  const beat = setInterval(() => send({ cmd: 'pingreq' }), (KEEPALIVE_S * 1000) / 2);
  void ended.then(why => {
    clearInterval(beat);
    for (const { reject } of waiting.values()) reject(away(why));
  });
  return {
    ended,
    publish(topic, payload) {
      do lastId = (lastId % 0xffff) + 1;
      while (waiting.has(lastId));
      const messageId = lastId;
      return new Promise<void>((resolve, reject) => {
        const answered = () => {
          waiting.delete(messageId);
          resolve();
        };
        waiting.set(messageId, { resolve: answered, reject });
        if (stream.destroyed) reject(away(reason));
        send({ cmd: 'publish', topic, payload, qos: 1, messageId, dup: false, retain: false });
      });
    },
    async close() {
      if (stream.closed) return;
      const closed = once(stream, 'close');
      send({ cmd: 'disconnect' });
      stream.end();
      const hard = setTimeout(() => stream.destroy(), 500);
      await closed;
      clearTimeout(hard);
    },
  };
}
