// Every metric that the code counts says in /metrics what it counts, by a name that Prometheus finds well made.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../../scripts/imports.ts';
import { metricsHelp } from '../../src/api/metrics-help.ts';

/** Names in quotes that are no metrics: a table, a cookie, a channel of PostgreSQL. */
const OTHERS = ['fieldline_migrations', 'fieldline_session', 'fieldline_live'];

describe('metrics', () => {
  const files = globSync('{src,nodes,gateway}/**/*.ts', { cwd: root }).filter(
    file => !/\.(test|fixture)\.ts$|metrics-help\.ts$|node_modules/.test(file),
  );
  const named = files.flatMap(file =>
    [...readFileSync(path.join(root, file), 'utf8').matchAll(/'((?:fieldline|process|nodejs)_[a-z_]+)'/g)].map(
      ([, name]) => name!,
    ),
  );
  const counted = new Set(named.filter(name => !OTHERS.includes(name)));

  it('all have a help text, and there is none of a metric that is gone', () => {
    assert.ok(counted.size > 40, String(counted.size));
    assert.deepEqual(Object.keys(metricsHelp).toSorted(), [...counted].toSorted());
  });

  it('say it in one line, and measure in seconds and bytes', () => {
    for (const [name, help] of Object.entries(metricsHelp)) {
      assert.match(help, /^[A-Z1][^\n\\]+\.$/, name);
      assert.match(name, /^[a-z][a-z_]*[a-z]$/);
      assert.doesNotMatch(name, /_(ms|us|ns|s|sec|min|h|kb|mb|count|sum|bucket|gauge|counter|histogram)(_|$)/, name);
    }
  });
});
