// Metrics as Prometheus text: types once a family, labels escaped, histograms that add up.
import assert from 'node:assert/strict';
import { allHistograms, histogram } from '../reading/histogram.ts';
import { entryOfLetter } from '../reading/letter.ts';
import { noteCommitted, notePushed, replayEntry } from '../reading/stages.ts';
import { metricsText } from './metrics-text.ts';

describe('metrics as text', () => {
  it('writes a family once, escapes labels, and numbers that are none', () => {
    const text = metricsText(
      [
        { name: 'a_total', kind: 'counter', labels: { node: 'x"\\\n' }, value: 1 },
        { name: 'b', kind: 'gauge', labels: {}, value: Number.POSITIVE_INFINITY },
        { name: 'a_total', kind: 'counter', labels: {}, value: 2.5 },
      ],
      [],
    );
    const wanted = '# TYPE a_total counter\na_total{node="x\\"\\\\\\n"} 1\na_total 2.5\n# TYPE b gauge\nb +Inf\n';
    assert.ok(text.startsWith(wanted), text);
    assert.match(text, /\nprocess_resident_memory_bytes \d+\n/);
    for (const line of text.trimEnd().split('\n'))
      assert.match(line, /^(# HELP \w+ .+\.|# TYPE \w+ (counter|gauge)|\w+(\{.*\})? \S+)$/);
    assert.match(text, /\n# HELP process_cpu_seconds_total [^\n]+\n# TYPE process_cpu_seconds_total counter\n/);
  });

  it('writes no series twice, whatever the order of its labels', () => {
    const text = metricsText(
      [
        { name: 'a_total', kind: 'counter', labels: { x: '1', y: '\ud800' }, value: 1 },
        { name: 'b', kind: 'gauge', labels: { x: '1', y: '2' }, value: 3 },
        { name: 'a_total', kind: 'counter', labels: { y: '\udfff', x: '1' }, value: 2.5 },
        { name: 'b', kind: 'gauge', labels: { y: '2', x: '1' }, value: 4 },
      ],
      [],
    );
    const wanted = '# TYPE a_total counter\na_total{x="1",y="\ufffd"} 3.5\n# TYPE b gauge\nb{x="1",y="2"} 4\n';
    assert.ok(text.startsWith(wanted), text);
  });

  it('counts into buckets up to their bound', () => {
    const observe = histogram('test_seconds', [0.1, 1], { stage: 'x' });
    for (const value of [0.05, 0.1, 0.5, 7]) observe(value);
    const text = metricsText(
      [],
      allHistograms().filter(({ name }) => name === 'test_seconds'),
    );
    assert.match(
      text,
      /# TYPE test_seconds histogram\ntest_seconds_bucket\{stage="x",le="0.1"\} 2\n.*le="1"\} 3\n.*le="\+Inf"\} 4\n.*_sum\{stage="x"\} 7.65\n.*_count\{stage="x"\} 4\n/,
    );
  });

  it('follows a reading from the device to the clients, once: not when it comes from the archive or the dead letters', () => {
    const count = (stage: string) =>
      allHistograms()
        .find(({ name, labels }) => name === 'fieldline_stage_seconds' && labels['stage'] === stage)!
        .counts.reduce((sum, n) => sum + n, 0);
    const stages = ['device_to_receipt', 'receipt_to_commit', 'commit_to_push'];
    const before = stages.map(count);
    const reading = {
      deviceId: 'd',
      protocol: 'mqtt' as const,
      timestamp: '2026-01-01T00:00:00.000Z',
      telemetry: {},
      metadata: { receivedAt: Date.UTC(2026, 0, 1) + 50 },
    };
    notePushed(structuredClone(reading), 0);
    noteCommitted(reading, Date.UTC(2026, 0, 1) + 70);
    notePushed(reading, Date.UTC(2026, 0, 1) + 75);
    noteCommitted({ ...reading, metadata: { ...reading.metadata, timestampSource: 'gateway' } }, 0);
    for (const entry of [replayEntry(1), entryOfLetter({ id: 1, digest: '0' })])
      noteCommitted({ ...reading, metadata: { ...reading.metadata, entry } }, Date.now());
    assert.deepEqual(
      stages.map((stage, at) => count(stage) - before[at]!),
      [1, 2, 1],
    );
    assert.equal(JSON.stringify(reading).includes('committed'), false);
  });
});
