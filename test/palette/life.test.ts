// The life of a node in real Node-RED: what comes before it has started waits, a start that fails says so, nothing that it throws gets out.
import assert from 'node:assert/strict';
import { metric } from '../../src/kernel/metrics.ts';
import { defineNode, type NodeDefinition } from '../../src/palette/define.ts';
import type { Fields } from '../../src/palette/fields.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { type TestRuntime, testRuntime } from '../support/node-red.ts';
import { until } from '../support/until.ts';

const node = (type: `fieldline-${string}`, start: NodeDefinition<Fields>['start']) =>
  nodeRed(
    defineNode({
      ...{ type, family: 'check', icon: 'font-awesome/fa-flask', summary: 'Test.' },
      ...{ input: 'in', outputs: ['out'], fields: {}, start },
    }),
  );

describe('palette: life of a node', () => {
  let red: TestRuntime;
  let letStart: () => void = () => {};
  before(async () => {
    red = await testRuntime();
    red.register(
      node('fieldline-test-late', async () => {
        await new Promise<void>(resolve => (letStart = resolve));
        return {
          input(message, send, done) {
            send({ payload: message.payload });
            done();
          },
        };
      }),
      node('fieldline-test-broken', () => Promise.reject(new Error('nothing to start with'))),
      node('fieldline-test-thrower', () => ({
        input() {
          throw new Error('not today');
        },
      })),
      node('fieldline-test-eager', () => ({
        input(_message, _send, done) {
          done();
          done(new Error('too late to fail'));
        },
      })),
    );
  });
  after(() => red.deploy([]));

  const through = (type: string) =>
    red.deploy([
      { id: 's', type: 'test-source', wires: [['n']] },
      { id: 'n', type, wires: [['k']] },
      { id: 'k', type: 'test-sink' },
    ]);

  it('hands messages that come before it has started to it then, in order', async () => {
    await through('fieldline-test-late');
    const settled = [1, 2, 3].map(payload => red.emit('s', { payload }));
    const labels = { node: 'n', type: 'fieldline-test-late', name: 'test-late' };
    await until(() => metric('fieldline_messages_total', labels) === 3);
    assert.equal(red.received('k').length, 0);
    letStart();
    assert.deepEqual(await Promise.all(settled), Array(3).fill({ ok: true }));
    assert.deepEqual(
      red.received('k').map(({ payload }) => payload),
      [1, 2, 3],
    );
  });

  it('that cannot start says why, and makes nobody give a message up', async () => {
    await through('fieldline-test-broken');
    assert.equal((await red.untilStatus('n', /nothing to start with/)).fill, 'red');
    assert.deepEqual(await red.emit('s', { payload: 1 }), {
      ...{ ok: false, kind: 'outage', reason: 'nothing to start with' },
    });
  });

  it('that throws over a message fails that message, with the reason', async () => {
    await through('fieldline-test-thrower');
    assert.deepEqual(await red.emit('s', { payload: 1 }), { ok: false, kind: 'data', reason: 'not today' });
  });

  it('that is done twice with a message was done the first time', async () => {
    await through('fieldline-test-eager');
    assert.deepEqual(await red.emit('s', { payload: 1 }), { ok: true });
  });
});
