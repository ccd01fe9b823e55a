// Tries MQTT_URL once before anything relies on it: host, port, TLS and credentials, by a CONNECT that ends at once.
import net from 'node:net';
import tls from 'node:tls';
import mqtt from 'mqtt-packet';
import { expected, Fault, reasonOf } from '../src/kernel/fault.ts';

const LIMIT_MS = 5000;
/** 3.1.1 return codes that no waiting will change [MQTT-3.2.2.3]. */
const REFUSED: Readonly<Record<number, string>> = {
  1: 'it refuses MQTT 3.1.1',
  2: 'it refuses the client id',
  4: 'wrong user or password',
  5: 'not authorised',
};

/** Resolves when the broker accepts the connection. Rejects with a Fault: `data` where the URL is wrong, else `outage`. */
export async function checkBroker(url: string): Promise<void> {
  const { protocol, hostname, port, username, password } = new URL(url);
  // A WebSocket broker is asked by its subscriber; its host is not even resolved here.
  if (protocol === 'ws:' || protocol === 'wss:') return;
  const secure = protocol !== 'mqtt:' && protocol !== 'tcp:';
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const at = { host, port: Number(port) || (secure ? 8883 : 1883) };
  const fail = (reason: string, kind: 'data' | 'outage') =>
    new Fault('FIELDLINE_BROKER', expected('MQTT_URL', `an MQTT broker at ${at.host}:${at.port}`, reason), { kind });
  const socket = secure ? tls.connect({ ...at, servername: net.isIP(host) ? '' : host }) : net.connect(at);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.setTimeout(LIMIT_MS, () => reject(fail('no answer within 5 s', 'outage')));
      socket.once('error', (error: NodeJS.ErrnoException) =>
        reject(
          fail(reasonOf(error), error.code === 'ENOTFOUND' || error.code?.startsWith('ERR_TLS') ? 'data' : 'outage'),
        ),
      );
      socket.once('close', () => reject(fail('the connection was closed', 'outage')));
      const parser = mqtt.parser();
      parser.on('packet', packet => {
        const code = packet.cmd === 'connack' ? (packet.returnCode ?? 0) : -1;
        if (code === 0) resolve();
        else reject(fail(REFUSED[code] ?? `answer ${code}`, code in REFUSED ? 'data' : 'outage'));
      });
      parser.on('error', () => reject(fail('an answer that is not MQTT', 'data')));
      socket.on('data', (bytes: Buffer) => parser.parse(bytes));
      socket.once(secure ? 'secureConnect' : 'connect', () =>
        socket.write(
          mqtt.generate({
            cmd: 'connect',
            protocolId: 'MQTT',
            protocolVersion: 4,
            clean: true,
            clientId: `fl-check-${process.pid}`,
            keepalive: 10,
            ...(username === '' ? {} : { username: decodeURIComponent(username) }),
            ...(password === '' ? {} : { password: Buffer.from(decodeURIComponent(password)) }),
          }),
        ),
      );
    });
    socket.write(mqtt.generate({ cmd: 'disconnect' }));
  } finally {
    socket.destroySoon();
  }
}
