// Runs the source contract over the wire (MQTT 5 and 3.1.1), over the journal of the embedded broker, and over Mosquitto where it is installed.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt from 'mqtt';
import { openEmbeddedBroker } from '../../gateway/broker.ts';
import { openJournal } from '../../src/delivery/journal/journal.ts';
import { startBroker } from '../../src/mqtt/broker.ts';
import { journalSource } from '../../src/mqtt/journal-source.ts';
import { wireSource } from '../../src/mqtt/subscriber.ts';
import type { Source } from '../../src/reading/contracts.ts';
import { mqtt5Peer } from '../support/mqtt5-peer.ts';
import { sourceContract } from './source.ts';
import type { SourceBench, SourceSettings } from './tap.ts';

const filters = [{ filter: 't/#', qos: 2 as const }];
const overWire =
  (url: string) =>
  (settings: SourceSettings): Source =>
    wireSource({ url, clientId: 'contract', filters, sessionExpirySeconds: 600, source: 'wire', ...settings });

/** A TCP relay in front of a broker, so that the connection of the source can be cut and no other. */
async function relay(port: number): Promise<{ port: number; cut(): Promise<void>; close(): Promise<void> }> {
  const pairs = new Set<Socket>();
  // Half open: a destroyed socket with unread bytes resets the connection, under acknowledgements still on their way.
  const server = createServer({ allowHalfOpen: true }, near => {
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      pairs.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => pairs.delete(from));
      from.pipe(to);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = async (): Promise<void> => {
    const closed = [...pairs].map(socket => once(socket, 'close'));
    for (const socket of pairs) socket.destroy();
    await Promise.all(closed);
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    async close() {
      await cut();
      server.close();
      await once(server, 'close');
    },
  };
}

type Publisher = { publish: SourceBench['publish']; close(): Promise<void> };
async function publisher(url: string): Promise<Publisher> {
  const client = await mqtt.connectAsync(url, { clientId: 'publisher' });
  return {
    publish: async (topic, payload, qos = 1) => void (await client.publishAsync(topic, payload, { qos })),
    close: () => client.endAsync(),
  };
}

sourceContract('wire, MQTT 5 (scripted peer that overshoots its receive maximum)', async () => {
  const peer = await mqtt5Peer({ overshoots: true });
  return {
    source: overWire(peer.url),
    publish: async (topic, payload, qos = 1) => peer.publish(topic, payload, qos),
    cut: async () => peer.cut(),
    boundsPackets: true,
    remembersReceipt: false,
    close: () => peer.close(),
  };
});

async function embedded(over: 'wire' | 'journal'): Promise<SourceBench> {
  const folder = mkdtempSync(join(tmpdir(), 'broker-'));
  const journal = await openJournal(join(folder, 'journal.db'));
  const broker = await startBroker({ journal, host: '127.0.0.1', port: 0 });
  const between = await relay(broker.port);
  const sender = await publisher(`mqtt://127.0.0.1:${broker.port}`);
  const pulled = (settings: SourceSettings): Source =>
    journalSource({ broker, clientId: 'contract', filters, expirySeconds: 600, source: 'journal', ...settings });
  return {
    source: over === 'wire' ? overWire(`mqtt://127.0.0.1:${between.port}`) : pulled,
    publish: sender.publish,
    ...(over === 'wire' ? { cut: between.cut } : {}),
    boundsPackets: over === 'wire',
    remembersReceipt: over === 'journal',
    async close() {
      await sender.close();
      await between.close();
      await broker.close();
      await journal.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
sourceContract('wire, MQTT 3.1.1 (the embedded broker)', () => embedded('wire'));
sourceContract('journal of the embedded broker', () => embedded('journal'));

sourceContract("journal of the broker's own process", async () => {
  const directory = mkdtempSync(join(tmpdir(), 'broker-'));
  let pid = 0;
  const processes = {
    record(_part: string, started: number) {
      pid = started;
    },
    forget() {},
    endLeftovers: async () => [],
    endAll: async () => {},
  };
  const listen = { host: '127.0.0.1', port: 0 };
  const { broker, close } = await openEmbeddedBroker({ directory, listen, processes, log() {} });
  const sender = await publisher(`mqtt://127.0.0.1:${broker.port}`);
  return {
    source: settings =>
      journalSource({ broker, clientId: 'contract', filters, expirySeconds: 600, source: 'journal', ...settings }),
    publish: sender.publish,
    cut: async () => void process.kill(pid, 'SIGKILL'),
    boundsPackets: false,
    remembersReceipt: true,
    async close() {
      await sender.close();
      await close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
});

const mosquitto = ['mosquitto', '/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto'].find(
  binary => spawnSync(binary, ['-h'], { stdio: 'ignore' }).error === undefined,
);
sourceContract(`wire, Mosquitto${mosquitto ? '' : ' (skipped: mosquitto is not installed)'}`, async skip => {
  if (mosquitto === undefined) return skip();
  const folder = mkdtempSync(join(tmpdir(), 'mosquitto-'));
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  const file = join(folder, 'mosquitto.conf');
  writeFileSync(file, `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n`);
  const child = spawn(mosquitto, ['-c', file], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  for (let tries = 0; tries < 100; tries++) {
    const socket = connect(port, '127.0.0.1');
    const up = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (up) break;
    await sleep(20);
  }
  const between = await relay(port);
  const sender = await publisher(`mqtt://127.0.0.1:${port}`);
  return {
    source: overWire(`mqtt://127.0.0.1:${between.port}`),
    publish: sender.publish,
    cut: between.cut,
    boundsPackets: true,
    remembersReceipt: false,
    async close() {
      await sender.close();
      await between.close();
      child.kill();
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
});
