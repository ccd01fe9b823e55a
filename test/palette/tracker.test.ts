// The tracker in real Node-RED when something goes wrong: refusals, nodes that throw or keep a message, deploys in the middle.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { Fault } from '../../src/kernel/fault.ts';
import type { Settled } from '../../src/kernel/ticket.ts';
import { wasInterrupted } from '../../src/palette/tracker.ts';
import { delay, onSlowSinks, sink, source } from './flow-nodes.ts';

describe('palette: delivery tracker in Node-RED', () => {
  const on = onSlowSinks();

  it('tells of a failure, with its kind and reason', async () => {
    await on.red.deploy([source('k'), sink()]);
    for (const kind of ['data', 'outage'] as const) {
      on.red.onSink('k', (_message, _send, done) =>
        setImmediate(() => done(new Fault('FIELDLINE_ROW', 'the disk is away', { kind }))),
      );
      assert.deepEqual(await on.red.emit('s', { payload: 1 }), { ok: false, kind, reason: 'the disk is away' });
    }
  });

  it('one failed branch fails the message even when the other commits later', async () => {
    await on.red.deploy([source('k', 'k2'), sink(), sink('k2')]);
    on.red.onSink('k', (_message, _send, done) => done(new Fault('FIELDLINE_ROW', 'refused')));
    const settled = await on.red.emit('s', { payload: 1 });
    assert.deepEqual(settled, { ok: false, kind: 'data', reason: 'refused' });
    assert.equal(on.commits.length, 1);
  });

  it('a catch node does not settle the message before its own branch is done', async () => {
    await on.red.deploy([source('k'), sink(), { id: 'c', type: 'catch', scope: ['k'], wires: [['k2']] }, sink('k2')]);
    on.red.onSink('k', (_message, _send, done) => done(new Fault('FIELDLINE_ROW', 'refused')));
    const settled = await on.red.emit('s', { payload: 1 });
    assert.equal(settled.ok, false);
    assert.equal(on.commits.length, 1, 'the branch of the catch node was still open');
  });

  it('a Fieldline node that commits several messages at once does not tie them together', async () => {
    await on.red.deploy([source('k'), sink()]);
    const waiting: ((error?: unknown) => void)[] = [];
    on.red.onSink('k', (_message, _send, done) => {
      if (waiting.push(done) === 2) {
        waiting[0]?.();
        waiting[1]?.(new Fault('FIELDLINE_ROW', 'second refused'));
      }
    });
    const settled = await Promise.all([on.red.emit('s', { payload: 1 }), on.red.emit('s', { payload: 2 })]);
    assert.deepEqual(settled, [{ ok: true }, { ok: false, kind: 'data', reason: 'second refused' }]);
  });

  it('a foreign node that throws is timed out as unfinished', async () => {
    await on.red.deploy([source('t'), { id: 't', type: 'test-throws', wires: [] }]);
    const settled = await on.red.emit('s', { payload: 1 });
    assert.equal(settled.ok, false);
    assert.equal((settled as Extract<Settled, { ok: false }>).kind, 'unfinished');
  });

  it('the time limit rests while a Fieldline node holds the message', async () => {
    await on.red.deploy([source('k'), sink()]);
    const limitMs = on.red.settings.deliveryTimeoutSeconds! * 1000;
    on.red.onSink('k', (_message, _send, done) => setTimeout(done, limitMs + 1600));
    assert.deepEqual(await on.red.emit('s', { payload: 1 }), { ok: true });
  });

  for (const type of ['full', 'flows', 'nodes'] as const)
    it(`a ${type} deploy while a foreign node has the message fails it as an outage, it is not acknowledged`, async () => {
      const flow = [source('d'), { ...delay, timeout: '30000' }, sink()];
      await on.red.deploy(flow);
      const pending = [1, 2, 3].map(payload => on.red.emit('s', { payload }));
      await on.red.deploy([source('d'), { ...delay, timeout: '30001' }, sink()], type);
      for (const settled of await Promise.all(pending))
        assert.equal(settled.ok ? 'stored' : settled.kind, 'outage', JSON.stringify(settled));
      assert.equal(wasInterrupted(), true);
      await on.red.deploy(flow);
      assert.equal(wasInterrupted(), false);
    });

  it('a message that is sent in the middle of a deploy, to a node that is gone for the moment, is not acknowledged', async () => {
    await on.red.deploy([source('k'), sink()]);
    const { events } = createRequire(import.meta.url)('node-red');
    let meanwhile: Promise<Settled> | undefined;
    events.once('flows:stopped', () => {
      meanwhile = on.red.emit('s', { payload: 1 });
    });
    await on.red.deploy([source('k'), { ...sink(), name: 'changed' }], 'nodes');
    const settled = await meanwhile;
    assert.equal(settled?.ok, false, 'its wire led nowhere');
    assert.deepEqual(await on.red.emit('s', { payload: 2 }), { ok: true });
  });

  it('a deploy while a Fieldline node holds the message lets the source send again', async () => {
    await on.red.deploy([source('k'), sink()]);
    on.red.onSink('k', () => {});
    const pending = on.red.emit('s', { payload: 1 });
    await on.red.until('k', 1);
    await on.red.deploy([source('k'), sink()]);
    const settled = await pending;
    assert.equal(settled.ok, false);
    assert.equal((settled as Extract<Settled, { ok: false }>).kind, 'outage');
  });
});
