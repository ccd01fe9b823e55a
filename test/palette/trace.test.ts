// Traces in real Node-RED: a root span for a message, a child for each node that held it, failures marked; to a collector as OTLP.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openTraces } from '../../gateway/traces.ts';
import { Fault } from '../../src/kernel/fault.ts';
import { metric } from '../../src/kernel/metrics.ts';
import { type Span, traceTo } from '../../src/palette/trace.ts';
import { type TestRuntime, testRuntime } from '../support/node-red.ts';

const span = (name: string, more: Partial<Span> = {}): Span => ({
  ...{ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), name, start: 1_700_000_000_000.25, end: 1_700_000_000_001 },
  attributes: { 'fieldline.members': 2 },
  ...more,
});

describe('traces', () => {
  let runtime: TestRuntime;
  let end: () => void;
  before(async () => {
    runtime = await testRuntime();
  });
  afterEach(() => end?.());
  after(() => runtime.deploy([]));

  async function traced(share: number): Promise<Span[]> {
    const spans: Span[] = [];
    end = traceTo(one => spans.push(one), share);
    await runtime.deploy([
      { id: 'from', type: 'test-source', name: 'Meter', wires: [['one']] },
      { id: 'one', type: 'test-sink', name: 'first', wires: [['two']] },
      { id: 'two', type: 'test-sink', name: 'second' },
    ]);
    runtime.onSink('one', (message, send, done) => {
      send(message);
      done();
    });
    return spans;
  }

  it('has a span for the message and one for each node, also when the time of day was put back since the start', async () => {
    const spans = await traced(1);
    const now = Date.now;
    const receivedAt = now() - 3_600_000;
    Date.now = () => now() - 3_600_000 + 50;
    await runtime.emit('from', { payload: [{ metadata: { receivedAt } }, {}] }).finally(() => {
      Date.now = now;
    });
    const root = spans.find(({ parentId }) => parentId === undefined)!;
    const children = spans.filter(one => one !== root);
    assert.deepEqual([root.name, root.start, root.attributes['fieldline.members']], ['Meter', receivedAt, 2]);
    assert.deepEqual(children.map(({ name }) => name).toSorted(), ['first', 'second']);
    for (const child of children) {
      assert.deepEqual([child.traceId, child.parentId, child.fault], [root.traceId, root.spanId, undefined]);
      assert.ok(child.start >= root.start && child.end >= child.start && child.end <= root.end);
      assert.ok(root.end < receivedAt + 3_000_000);
    }
  });

  it('says what failed', async () => {
    const spans = await traced(1);
    runtime.onSink('two', (_message, _send, done) => done(new Fault('FIELDLINE_ROW', 'refused', { kind: 'data' })));
    await runtime.emit('from', { payload: 1 });
    const faults = Object.fromEntries(spans.map(({ name, fault }) => [name, fault]));
    assert.deepEqual(faults, { first: undefined, second: 'refused', Meter: 'refused' });
  });

  it('traces no message of a share of 0, and none when it has ended', async () => {
    const spans = await traced(0);
    await runtime.emit('from', { payload: 1 });
    end();
    await runtime.emit('from', { payload: 1 });
    assert.deepEqual(spans, []);
  });

  it('sends spans to a collector, and drops and counts what it does not take', async () => {
    const bodies: { headers: Record<string, unknown>; url: string | undefined; body: string }[] = [];
    let status = 200;
    const collector = createServer((request, response) => {
      let body = '';
      request.on('data', chunk => {
        body += chunk;
      });
      request.on('end', () => {
        bodies.push({ headers: request.headers, url: request.url, body });
        response.writeHead(status).end('{}');
      });
    }).listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`;
    const warnings: string[] = [];
    const log = (_level: string, text: string) => void warnings.push(text);
    const dropped = () => metric('fieldline_trace_spans_total', { state: 'dropped' });
    const before = dropped();

    const good = openTraces({ url, headers: { 'x-key': 'k' } }, log);
    good.take(span('Meter'));
    good.take(span('store', { parentId: 'c'.repeat(16), fault: 'away' }));
    await good.close(1000);
    const [sent] = bodies;
    assert.deepEqual([sent?.url, sent?.headers['x-key']], ['/v1/traces', 'k']);
    const [root, child] = JSON.parse(sent!.body).resourceSpans[0].scopeSpans[0].spans;
    assert.deepEqual(root, {
      ...{ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), name: 'Meter', kind: 5 },
      ...{ startTimeUnixNano: '1700000000000250000', endTimeUnixNano: '1700000000001000000' },
      attributes: [{ key: 'fieldline.members', value: { intValue: '2' } }],
      status: { code: 1 },
    });
    assert.deepEqual([child.parentSpanId, child.status], ['c'.repeat(16), { code: 2, message: 'away' }]);

    bodies.length = 0;
    const many = openTraces({ url, headers: {} }, log);
    for (let n = 0; n < 1200; n++) many.take(span('Meter'));
    await many.close(60_000);
    const arrived = bodies.map(({ body }) => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans.length);
    assert.deepEqual(arrived, [500, 500, 200]);

    status = 503;
    const bad = openTraces({ url, headers: {} }, log);
    bad.take(span('Meter'));
    await bad.close(1000);
    assert.deepEqual([dropped() - before, warnings], [1, ['traces cannot be sent']]);
    collector.closeAllConnections();
    collector.close();
  });
});
