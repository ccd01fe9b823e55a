// kill -9 of the embedded broker in the middle of publishing: what it acknowledged is there, QoS 2 exactly once.
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { openJournal } from '../../src/delivery/journal/journal.ts';

describe('embedded broker killed while clients publish', () => {
  let folder = '';
  let child: ChildProcess | undefined;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'broker-kill-'));
  });
  afterEach(() => {
    child?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  async function startChild(port = 0): Promise<number> {
    child = fork(new URL('../support/broker-child.ts', import.meta.url), [join(folder, 'journal.db'), String(port)]);
    return Number((await once(child, 'message'))[0]);
  }
  async function killChild(): Promise<void> {
    const exited = once(child!, 'exit');
    child!.kill('SIGKILL');
    await exited;
  }
  /** Payloads that the durable consumer was to get, as they stand in the file. */
  async function stored(): Promise<string[]> {
    const journal = await openJournal(join(folder, 'journal.db'));
    const found: string[] = [];
    for (let after = 0; ; ) {
      const entries = await journal.read('consumer:kept', after, { entries: 5000, bytes: 1 << 26 });
      if (entries.length === 0) break;
      found.push(...entries.map(({ blob }) => Buffer.from(blob).toString()));
      after = entries.at(-1)!.seq;
    }
    assert.equal(journal.loss, undefined);
    await journal.close();
    return found;
  }

  it('loses no acknowledged QoS 1 message', async () => {
    const port = await startChild();
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 });
    client.on('error', () => {});
    const acknowledged: string[] = [];
    let sent = 0;
    const send = (): void => {
      if (!client.connected) return;
      const text = String(sent++);
      client.publish('t/x', text, { qos: 1 }, error => {
        if (error) return;
        acknowledged.push(text);
        send();
      });
    };
    const closed = new Promise<void>(resolve => client.once('close', () => resolve()));
    for (let lane = 0; lane < 500; lane++) send();
    while (acknowledged.length < 3000) await new Promise(resolve => setImmediate(resolve));
    await killChild();
    await closed;
    await client.endAsync(true);
    const found = new Set(await stored());
    assert.ok(acknowledged.length >= 3000);
    assert.deepEqual(
      acknowledged.filter(text => !found.has(text)),
      [],
    );
  });

  it('takes each QoS 2 message exactly once over a kill, when its publisher goes on', async () => {
    const port = await startChild();
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, {
      clientId: 'p',
      clean: false,
      reconnectPeriod: 50,
    });
    client.on('error', () => {});
    const total = 2000;
    const lanes = 100;
    let next = 0;
    let done = 0;
    let killed: Promise<void> | undefined;
    // A hundred at a time, so that many are under way at the kill, and many not sent yet.
    const lane = async (): Promise<void> => {
      while (next < total) {
        await client.publishAsync('t/x', String(next++), { qos: 2 });
        if (++done === 500) killed = killChild();
      }
    };
    const all = Promise.all(Array.from({ length: lanes }, lane));
    while (killed === undefined) await new Promise(resolve => setImmediate(resolve));
    await killed;
    assert.ok(next < total, 'it was killed in the middle');
    await startChild(port);
    await all;
    await client.endAsync();
    await killChild();
    const found = (await stored()).map(Number).sort((a, b) => a - b);
    assert.deepEqual(
      found,
      Array.from({ length: total }, (_, at) => at),
    );
  });
});
