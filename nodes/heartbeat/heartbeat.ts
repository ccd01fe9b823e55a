// heartbeat: says every minute that a scanner lives, how long, how busy, and how its radio is.
import { defineNode } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { reportOf } from '../../src/radio/scanners.ts';
import { radioFields } from '../../src/radio/settings.ts';
import { type HeartbeatWire, heartbeatTopic } from '../../src/reading/heartbeat.ts';
import { quantity } from '../../src/reading/quantity.ts';

/** The scans of a flow that has just started have found their radio by then. */
const FIRST_MS = 1000;

export const definition = defineNode({
  type: 'fieldline-heartbeat',
  family: 'source',
  icon: 'font-awesome/fa-heartbeat',
  summary: 'Says every minute that a scanner lives: uptime, messages sent, devices seen, state of the radio.',
  input: 'now',
  outputs: ['heartbeat'],
  fields: {
    scanner: {
      ...radioFields.scanner,
      help: 'That of the ble-scan whose heartbeat it is.',
    },
    location: {
      kind: 'text',
      label: 'Location',
      help: 'Where the scanner stands, in your own words.',
      initial: '',
      optional: true,
    },
    intervalSeconds: {
      kind: 'number',
      label: 'Every',
      unit: 's',
      help: 'A scanner that has been silent for 5 minutes counts as offline.',
      initial: 60,
      min: 1,
      max: 3600,
    },
  },
  start(settings, host) {
    const { scanner } = settings;
    const startedAt = performance.now();
    const location = settings.location.trim();

    function beat(): void {
      const report = reportOf(scanner);
      const payload: HeartbeatWire = {
        scanner_id: scanner,
        timestamp: new Date().toISOString(),
        uptime_s: Math.round((performance.now() - startedAt) / 1000),
        messages_sent: report?.sent ?? 0,
        devices_seen: report?.devices ?? 0,
        adapter_status: report?.adapter ?? 'none',
        ...(location === '' ? {} : { location }),
      };
      // The properties that a stock mqtt out takes. Not retained: an old heartbeat says nothing.
      host.send({ topic: heartbeatTopic(scanner), payload, qos: 1, retain: false });
      const { messages_sent: sent, devices_seen: devices, adapter_status: adapter } = payload;
      const figures = `${quantity(sent, 'message')}, ${quantity(devices, 'device')}`;
      if (report === undefined) host.status('yellow', `no ble-scan with scanner id ${scanner} runs here`);
      else if (adapter !== 'on') host.status('yellow', `radio ${adapter}; ${figures}`);
      else host.status('green', figures);
    }
    const first = setTimeout(beat, FIRST_MS);
    const clockwork = setInterval(beat, settings.intervalSeconds * 1000);

    return {
      input(_message, _send, done) {
        beat();
        done();
      },
      close() {
        clearTimeout(first);
        clearInterval(clockwork);
      },
    };
  },
});

export default nodeRed(definition);
