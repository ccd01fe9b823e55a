// The environment: defaults, every wrong value named, nothing secret in a complaint.
import assert from 'node:assert/strict';
import { readEnvironment } from '../../gateway/environment.ts';
import { Fault } from '../../src/kernel/fault.ts';

const root = '/srv/fieldline';

describe('environment', () => {
  it('has a default for everything', () => {
    assert.deepEqual(readEnvironment({}, root), {
      port: 1880,
      host: '127.0.0.1',
      directory: '/srv/fieldline/.fieldline',
      databaseUrl: undefined,
      mqttUrl: undefined,
      mqttListen: { host: '127.0.0.1', port: 1883 },
      adminPassword: undefined,
      secret: undefined,
      tokens: {},
      demo: true,
    });
  });

  it('takes an empty variable as not set', () => {
    const empty = { PORT: '', HOST: ' ', DATABASE_URL: '', FIELDLINE_ADMIN_PASSWORD: '', FIELDLINE_DEMO: '' };
    assert.deepEqual(readEnvironment(empty, root), readEnvironment({}, root));
  });

  it('reads what is given', () => {
    const read = readEnvironment(
      {
        PORT: '0',
        HOST: '0.0.0.0',
        FIELDLINE_DIR: 'data/here',
        DATABASE_URL: 'postgres://u:p@db:5433/plant?sslmode=require',
        MQTT_URL: 'mqtts://broker.example',
        MQTT_LISTEN: '[::1]:0',
        FIELDLINE_ADMIN_PASSWORD: 'long enough ',
        FIELDLINE_SECRET: '0123456789abcdef',
        FIELDLINE_DEMO: 'off',
        FIELDLINE_TOKEN_AUDIENCE: 'fieldline',
        FIELDLINE_TOKEN_ISSUER: 'https://plant.example',
      },
      root,
    );
    assert.deepEqual(read.tokens, { aud: 'fieldline', iss: 'https://plant.example' });
    assert.equal(read.port, 0);
    assert.equal(read.directory, '/srv/fieldline/data/here');
    assert.equal(read.databaseUrl, 'postgres://u:p@db:5433/plant?sslmode=require');
    assert.deepEqual(read.mqttListen, { host: '::1', port: 0 });
    assert.equal(read.adminPassword, 'long enough ');
    assert.equal(read.demo, false);
  });

  it('takes a database behind a Unix socket', () => {
    const url = 'postgresql:///plant?host=/run/postgresql';
    assert.equal(readEnvironment({ DATABASE_URL: url }, root).databaseUrl, url);
  });

  it('reads where traces go, by the names that OpenTelemetry gives', () => {
    const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://collector:4318/';
    assert.deepEqual(readEnvironment({ OTEL_EXPORTER_OTLP_ENDPOINT }, root).traces, {
      url: 'http://collector:4318/v1/traces',
      share: 0.01,
      headers: {},
    });
    const more = { OTEL_TRACES_SAMPLER_ARG: '1', OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20b, y=' };
    const { share, headers } = readEnvironment({ OTEL_EXPORTER_OTLP_ENDPOINT, ...more }, root).traces!;
    assert.deepEqual([share, headers], [1, { 'x-key': 'a b', y: '' }]);
  });

  const otlp = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
  const wrong: [env: Record<string, string>, code: string, says: RegExp][] = [
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, 'FIELDLINE_SETTING', /^OTEL_EXPORTER_OTLP_ENDPOINT/],
    [{ ...otlp, OTEL_TRACES_SAMPLER_ARG: '2' }, 'FIELDLINE_SETTING', /^OTEL_TRACES_SAMPLER_ARG: expected a share/],
    [{ ...otlp, OTEL_EXPORTER_OTLP_HEADERS: 's3cret' }, 'FIELDLINE_SETTING', /^OTEL_EXPORTER_OTLP_HEADERS/],
    [{ ...otlp, OTEL_EXPORTER_OTLP_HEADERS: 'x=%s3cret' }, 'FIELDLINE_SETTING', /^OTEL_EXPORTER_OTLP_HEADERS/],
    [{ PORT: '80a' }, 'FIELDLINE_SETTING', /^PORT: expected a port/],
    [{ PORT: '-1' }, 'FIELDLINE_SETTING', /^PORT/],
    [{ PORT: '65536' }, 'FIELDLINE_SETTING', /^PORT/],
    [{ PORT: '1e3' }, 'FIELDLINE_SETTING', /^PORT/],
    [{ HOST: 'not a host' }, 'FIELDLINE_SETTING', /^HOST/],
    [{ HOST: '0.0.0.0' }, 'FIELDLINE_PASSWORD_NEEDED', /FIELDLINE_ADMIN_PASSWORD/],
    [{ HOST: '::' }, 'FIELDLINE_PASSWORD_NEEDED', /HOST/],
    [{ HOST: '192.168.1.4' }, 'FIELDLINE_PASSWORD_NEEDED', /HOST/],
    [{ MQTT_LISTEN: '0.0.0.0:1883' }, 'FIELDLINE_PASSWORD_NEEDED', /^MQTT_LISTEN/],
    [{ MQTT_LISTEN: '1883' }, 'FIELDLINE_SETTING', /^MQTT_LISTEN: expected host:port/],
    [{ MQTT_LISTEN: '127.0.0.1:' }, 'FIELDLINE_SETTING', /^MQTT_LISTEN: expected a port/],
    [{ MQTT_LISTEN: '127.0.0.1:70000' }, 'FIELDLINE_SETTING', /^MQTT_LISTEN/],
    [{ MQTT_URL: 'broker:1883' }, 'FIELDLINE_SETTING', /^MQTT_URL.*mqtt:\/\//],
    [{ MQTT_URL: 'http://broker' }, 'FIELDLINE_SETTING', /^MQTT_URL.*begins with http:/],
    [{ MQTT_URL: 'mqtt://' }, 'FIELDLINE_SETTING', /^MQTT_URL/],
    [{ DATABASE_URL: 'mysql://u:s3cret@db/x' }, 'FIELDLINE_SETTING', /^DATABASE_URL/],
    [{ DATABASE_URL: 'postgres://u:s3cret%@db/x' }, 'FIELDLINE_SETTING', /^DATABASE_URL: .*%25/],
    [{ DATABASE_URL: 'postgres://u:s3cret%ff@db/x?host=/run' }, 'FIELDLINE_SETTING', /^DATABASE_URL: .*%25/],
    [{ DATABASE_URL: 'postgres:///s3cret%?host=/run' }, 'FIELDLINE_SETTING', /^DATABASE_URL: .*%25/],
    [{ DATABASE_URL: 'postgres://u:s3cret@/x?host=/run' }, 'FIELDLINE_SETTING', /^DATABASE_URL.*no URL/],
    [{ MQTT_URL: 'mqtt://u:100%s3cret@broker' }, 'FIELDLINE_SETTING', /^MQTT_URL: .*%25/],
    [{ DATABASE_URL: 'localhost' }, 'FIELDLINE_SETTING', /^DATABASE_URL.*no URL/],
    [{ FIELDLINE_ADMIN_PASSWORD: 's3cret' }, 'FIELDLINE_SETTING', /at least 8 characters/],
    [{ FIELDLINE_SECRET: 's3cret' }, 'FIELDLINE_SETTING', /at least 16 characters/],
    [{ FIELDLINE_DEMO: 'yes' }, 'FIELDLINE_SETTING', /^FIELDLINE_DEMO: expected on or off, got "yes"/],
  ];
  for (const [env, code, says] of wrong)
    it(`refuses ${JSON.stringify(env)}`, () => {
      assert.throws(
        () => readEnvironment(env, root),
        (error: Fault) => {
          assert.ok(error instanceof Fault);
          assert.equal(error.code, code);
          assert.match(error.message, says);
          assert.doesNotMatch(error.message, /s3cret/);
          return true;
        },
      );
    });
});
