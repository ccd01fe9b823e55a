// Ingest over WebSocket on real sockets: the key in a header or in the first frame, answers by id and in order.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Fault } from '../kernel/fault.ts';
import { stored } from './ingest.fixture.ts';
import { flow, type Line, onSocket } from './ingest-socket.fixture.ts';

describe('ingest over WebSocket', () => {
  const at = onSocket();

  const frames: readonly [name: string, frame: unknown, id: unknown, readings: number][] = [
    ['a reading, answered by its number', flow(), 1, 1],
    ['an array', [flow(), flow({ device_id: 'e' })], 1, 2],
    ['a reading with an id', flow({ id: 'a-7' }), 'a-7', 1],
    ['a reading in data', { id: 5, data: flow() }, 5, 1],
    ['an array in data', { id: 5, data: [flow(), flow()] }, 5, 2],
    ['the device data structure', { id: 2, deviceId: 'd', telemetry: { temperature: 20 } }, 2, 1],
  ];
  for (const [name, frame, id, readings] of frames)
    it(`takes ${name}`, async () => {
      await at.open({ 'x-api-key': 'app-key' });
      const line = await at.ask(frame);
      assert.deepEqual([line.id, line.ok, line.stored], [id, true, readings]);
      assert.equal(at.scene.received[0]?.protocol, 'websocket');
      assert.equal(at.scene.received[0]?.metadata.extra?.['id'], undefined);
    });

  it('knows a reading again that comes under another id', async () => {
    await at.open({ 'x-api-key': 'app-key' });
    await at.ask(flow({ id: 1 }));
    await at.ask(flow({ id: 2 }));
    const digests = at.scene.received.map(({ metadata }) => metadata.digest);
    assert.equal(new Set(digests).size, 1);
  });

  const wrong: readonly [name: string, frame: string, status: number][] = [
    ['no JSON', '{', 400],
    ['a fault of a field', JSON.stringify({ id: 1, device_id: 'd' }), 400],
    ['an empty array', '[]', 400],
    ['too many', JSON.stringify(Array.from({ length: 101 }, () => ({}))), 413],
    ['data that is no reading', '{"id": 1, "data": 5}', 400],
  ];
  for (const [name, frame, status] of wrong)
    it(`answers ${status} to ${name}, and goes on`, async () => {
      await at.open({ authorization: 'Bearer app-key' });
      const { id, ok, error } = await at.ask(frame);
      assert.deepEqual([id, ok, error?.status], [1, undefined, status]);
      assert.equal((await at.ask(flow())).ok, true);
    });

  it('takes the key in the first frame', async () => {
    await at.open();
    assert.deepEqual(await at.ask({ key: 'app-key' }), { id: 0, ok: true });
    assert.deepEqual((await at.ask(flow())).id, 1);
  });

  it('works on what comes behind the key before it was answered', async () => {
    await at.open();
    const lines: Line[] = [];
    at.client.on('message', data => lines.push(JSON.parse(String(data)) as Line));
    for (const frame of [{ key: 'app-key' }, flow(), flow({ device_id: 'e' })]) at.client.send(JSON.stringify(frame));
    while (lines.length < 3) await once(at.client, 'message');
    assert.deepEqual(
      lines.map(({ id, ok }) => [id, ok]),
      [
        [0, true],
        [1, true],
        [2, true],
      ],
    );
  });

  it('sends away whoever shows none, or a wrong one', async () => {
    for (const frame of [flow(), { key: 'wrong' }, 'hello']) {
      await at.open();
      const gone = once(at.client, 'close');
      assert.equal((await at.ask(frame)).error?.status, 401);
      assert.equal((await gone)[0], 4401);
    }
    assert.equal(await at.refusedWith({ 'x-api-key': 'wrong' }), 401);
    assert.equal(at.scene.received.length, 0);
  });

  it('sends away whoever shows none in time', async () => {
    await at.reopen({ keyMs: 20 });
    await at.open();
    assert.equal((await once(at.client, 'close'))[0], 4401);
  });

  it('sends away a client whose key is revoked', async () => {
    await at.open({ 'x-api-key': 'app-key' });
    at.scene.keys.delete('app-key');
    const gone = once(at.client, 'close');
    assert.equal((await at.ask(flow())).error?.status, 401);
    assert.equal((await gone)[0], 4401);
  });

  it('sends away a silent client whose key is revoked, but nobody while the keys cannot be read', async () => {
    await at.reopen({ checkMs: 10 });
    await at.open({ 'x-api-key': 'app-key' });
    const asked: string[] = [];
    at.scene.find = text => {
      asked.push(text);
      return Promise.reject(new Fault('FIELDLINE_DATABASE', 'away', { kind: 'outage' }));
    };
    while (asked.length < 3) await new Promise(resolve => setImmediate(resolve));
    assert.equal(at.client.readyState, at.client.OPEN);
    const gone = once(at.client, 'close');
    at.scene.find = async () => undefined;
    assert.equal((await gone)[0], 4401);
    assert.deepEqual(at.scene.answers, {}, 'nobody has asked for an answer');
  });

  it('answers in the order of the frames, whichever is done first', async () => {
    const waiting: (() => void)[] = [];
    at.scene.deliver = readings => new Promise(resolve => waiting.push(() => resolve(stored(readings))));
    await at.open({ 'x-api-key': 'app-key' });
    const lines: Line[] = [];
    at.client.on('message', data => lines.push(JSON.parse(String(data)) as Line));
    for (const frame of [flow({ id: 'slow' }), { id: 'wrong' }, flow({ id: 'quick' })])
      at.client.send(JSON.stringify(frame));
    while (waiting.length < 2) await new Promise(resolve => setImmediate(resolve));
    waiting[1]?.();
    for (let n = 0; n < 50; n++) await new Promise(resolve => setImmediate(resolve));
    assert.deepEqual(lines, []);
    waiting[0]?.();
    while (lines.length < 3) await once(at.client, 'message');
    assert.deepEqual(
      lines.map(({ id }) => id),
      ['slow', 'wrong', 'quick'],
    );
  });

  it('counts each frame as a request of its key', async () => {
    await at.open({ 'x-api-key': 'gateway-key' });
    for (let n = 0; n < 10; n++) assert.equal((await at.ask(flow())).ok, true);
    const { error, retry_after: seconds } = await at.ask(flow());
    assert.deepEqual([error?.status, seconds], [429, 60]);
  });

  it('says when to come again', async () => {
    at.scene.deliver = () => Promise.reject(new Fault('FIELDLINE_DATABASE', 'away', { kind: 'outage' }));
    await at.open({ 'x-api-key': 'app-key' });
    const { error, retry_after: seconds } = await at.ask(flow());
    assert.deepEqual([error?.status, seconds], [503, 5]);
  });
});
