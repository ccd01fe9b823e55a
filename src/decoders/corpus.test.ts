// Real adverts against what public parsers say of them: how many agree, that none contradicts. Runs where the corpus is at hand.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Value } from '../reading/reading.ts';
import { type AdvertRecord, advertOf } from './advert-record.ts';
import { type Registry, registryOf, shippedDecoders } from './registry.ts';

/** JSON lines as `fieldline decode adverts` takes them, with `telemetry` and `model`: FIELDLINE_ADVERTS names them, else beside the checkout. */
const CORPUS =
  process.env['FIELDLINE_ADVERTS'] ?? path.join(import.meta.dirname, '../../../shared/data/ble/adverts.jsonl');
const SHARE = 0.95;

type CorpusRecord = AdvertRecord & { id: string; model: string; telemetry: Record<string, Value> };
type Outcome = { what: string; missing: string[]; contradicting: string[]; rejected?: string };

/** Equal, but for numbers that the source rounded to two decimals. */
function near(got: Value | undefined, expected: Value): boolean {
  return typeof got === 'number' && typeof expected === 'number' ? Math.abs(got - expected) <= 0.005 : got === expected;
}

function outcomeOf(record: CorpusRecord, registry: Registry): Outcome {
  const outcome: Outcome = { what: `${record.id} ${record.model}`, missing: [], contradicting: [] };
  const advert = advertOf(record);
  const verdict = 'rejected' in advert ? advert : registry.decode(advert);
  if ('rejected' in verdict) return { ...outcome, missing: Object.keys(record.telemetry), rejected: verdict.rejected };
  for (const [metric, expected] of Object.entries(record.telemetry)) {
    const got = verdict.decoded.telemetry[metric];
    if (got === undefined) outcome.missing.push(metric);
    else if (!near(got, expected)) outcome.contradicting.push(`${metric}: expected ${expected}, got ${got}`);
  }
  return outcome;
}

describe('adverts of real devices', () => {
  let outcomes: Outcome[];
  let withTelemetry: number;
  before(async function () {
    if (!existsSync(CORPUS)) {
      console.log('      skipped: no corpus of real adverts beside this checkout');
      this.skip();
    }
    const registry = registryOf((await shippedDecoders()).map(({ decoder }) => decoder));
    const records = readFileSync(CORPUS, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as CorpusRecord);
    outcomes = records.map(record => outcomeOf(record, registry));
    withTelemetry = records.filter(({ telemetry }) => Object.keys(telemetry).length > 0).length;
  });

  it('are never contradicted', () => {
    assert.deepEqual(
      outcomes.filter(({ contradicting }) => contradicting.length > 0),
      [],
    );
  });

  it(`give every value in at least ${SHARE * 100} % of those that carry values`, () => {
    const missed = outcomes.filter(({ missing }) => missing.length > 0);
    assert.ok(1 - missed.length / withTelemetry >= SHARE, JSON.stringify(missed, null, 1));
  });

  it('are all recognised, but for what is no hex', () => {
    assert.deepEqual(
      outcomes.filter(({ rejected }) => rejected !== undefined && !rejected.endsWith('expected hex')),
      [],
    );
  });
});
