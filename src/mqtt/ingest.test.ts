// Tests of what a subscription is made of: client id, remembered filters, the stock broker node, the choice of a source, the status line.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fakeClock } from '../kernel/clock.ts';
import { derivedClientId, knownFilters, rememberFilters } from './identity.ts';
import { ingestSource } from './ingest-source.ts';
import { ingestStatus } from './ingest-status.ts';
import type { SourceState } from './source-state.ts';
import { stockEndpoint } from './stock-broker.ts';

describe('subscription', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ingest-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('has a client id that stays on one installation and differs on another', () => {
    const id = derivedClientId(folder, 'node-1');
    assert.equal(derivedClientId(folder, 'node-1'), id);
    assert.notEqual(derivedClientId(folder, 'node-2'), id);
    assert.ok(id.length <= 23);
    const other = mkdtempSync(join(tmpdir(), 'ingest-'));
    assert.notEqual(derivedClientId(other, 'node-1'), id);
    rmSync(other, { recursive: true });
  });

  it('remembers the filters of a client id', () => {
    assert.deepEqual(knownFilters(folder, 'a'), []);
    rememberFilters(folder, 'a', ['x/#', 'y']);
    assert.deepEqual(knownFilters(folder, 'a'), ['x/#', 'y']);
    assert.deepEqual(knownFilters(folder, 'b'), []);
    rememberFilters(join(folder, 'missing'), 'a', ['x']);
  });

  it('reads the stock broker node', () => {
    const stock = {
      ...{ brokerurl: 'mqtts://b:8883', keepalive: 60, credentials: { user: 'u', password: 'p' } },
      options: {
        username: 'u',
        password: 'p',
        ca: 'CA',
        rejectUnauthorized: true,
        servername: 'b',
        clientId: 'theirs',
      },
    };
    const { tls, ...rest } = stockEndpoint(stock);
    assert.deepEqual(rest, { url: 'mqtts://b:8883', username: 'u', password: 'p', keepaliveSeconds: 60 });
    assert.deepEqual([tls?.ca, tls?.rejectUnauthorized, tls?.servername, tls?.cert], ['CA', true, 'b', undefined]);
    const bare = stockEndpoint({ brokerurl: 'mqtt://b:1883', keepalive: Number.NaN });
    assert.deepEqual([bare.url, bare.username, bare.keepaliveSeconds], ['mqtt://b:1883', undefined, undefined]);
    assert.throws(() => stockEndpoint({}), { code: 'FIELDLINE_SETTING' });
  });

  const none = { stock: undefined, broker: undefined, mqttUrl: undefined, directory: tmpdir() };
  const common = { clientId: 'c', window: 1, source: 's', sessionExpirySeconds: 60, ...none };
  it('has no source where there is no broker, and says what is wrong with filters and address', () => {
    const filters = [{ filter: 'a', qos: 1 as const }];
    assert.equal(ingestSource({ ...common, filters }), undefined);
    assert.throws(() => ingestSource({ ...common, filters: [] }), /at least/);
    assert.throws(() => ingestSource({ ...common, filters: [{ filter: 'a/#/b', qos: 1 }] }), /# stands alone/);
    assert.throws(() => ingestSource({ ...common, filters, mqttUrl: 'broker:1883' }), { code: 'FIELDLINE_SETTING' });
  });

  it('shows state, rate, what is open and the age of the last message', () => {
    const clock = fakeClock();
    const status = ingestStatus(100, clock);
    const table: [state: SourceState, line: [string, string]][] = [
      [{ state: 'connecting' }, ['yellow', 'connecting']],
      [{ state: 'offline', reason: 'away' }, ['red', 'away']],
      [{ state: 'refused', reason: 'no' }, ['red', 'no']],
      [
        { state: 'subscribed', via: 'MQTT 5', detail: undefined },
        ['green', 'MQTT 5: 0.0/s, 0 of 100 open, no message yet'],
      ],
      [
        { state: 'subscribed', via: 'MQTT 5', detail: 'less' },
        ['yellow', 'less; 0.0/s, 0 of 100 open, no message yet'],
      ],
      [{ state: 'closed' }, ['grey', 'closed']],
    ];
    for (const [state, line] of table) {
      status.state(state);
      assert.deepEqual(status.line(), line);
    }
    status.state({ state: 'subscribed', via: 'journal', detail: undefined });
    for (let at = 0; at < 30; at++) status.received();
    status.settled(10);
    clock.advance(2000);
    assert.deepEqual(status.line(), ['green', 'journal: 15/s, 20 of 100 open, last 2 s ago']);
    status.pause(true);
    assert.deepEqual(status.line()[0], 'yellow');
    assert.equal(status.open, 20);
  });
});
