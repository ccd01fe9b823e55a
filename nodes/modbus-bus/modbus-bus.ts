// modbus-bus: one Modbus line, shared by the polls of all its units.
import { defineConfig } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { type Address, configureBus } from '../../src/modbus/configured.ts';

export const definition = defineConfig({
  type: 'fieldline-modbus-bus',
  family: 'config',
  labelField: 'host',
  summary: 'One Modbus TCP device or gateway, shared by the polls of all units behind it.',
  fields: {
    host: {
      kind: 'text',
      label: 'Host',
      help: 'Name or address of the device or gateway. Empty: the demo instruments of the gateway. The word demo: demo instruments of this node alone.',
      initial: '',
      optional: true,
      pattern: '^[^\\s/]*$',
      says: 'a host name or address without scheme and path',
    },
    port: {
      kind: 'number',
      label: 'Port',
      help: 'TCP port; 502 by the standard.',
      initial: 502,
      min: 1,
      max: 65535,
      integer: true,
    },
    timeoutMs: {
      kind: 'number',
      label: 'Answer within',
      unit: 'ms',
      help: 'A request without an answer for this long has failed. Behind a serial gateway allow more than the gateway does.',
      initial: 1000,
      min: 10,
      max: 60000,
    },
    connectTimeoutMs: {
      kind: 'number',
      label: 'Connect within',
      unit: 'ms',
      help: 'A connection that is not made by then is given up and tried again.',
      initial: 3000,
      min: 10,
      max: 60000,
    },
    parallel: {
      kind: 'number',
      label: 'Requests at once',
      help: 'Over all units; each unit has at most one. 1 for gateways that take one at a time.',
      initial: 4,
      min: 1,
      max: 16,
      integer: true,
    },
    quarantineAfter: {
      kind: 'number',
      label: 'Failures to quarantine',
      help: 'A unit that failed to answer this many times in a row is left alone, so that it costs the others no time.',
      initial: 3,
      min: 1,
      max: 1000,
      integer: true,
    },
    probeSeconds: {
      kind: 'number',
      label: 'Probe every',
      unit: 's',
      help: 'A unit in quarantine is tried once in this time; the first answer ends the quarantine.',
      initial: 10,
      min: 0.1,
      max: 3600,
    },
  },
  start(settings, host) {
    const configured = configureBus(
      {
        ...settings,
        name: host.name === 'modbus-bus' ? '' : host.name,
        host: settings.host.trim(),
        quarantine: { after: settings.quarantineAfter, probeMs: settings.probeSeconds * 1000 },
      },
      demoOf(host.services['demo']),
    );
    return { provides: configured, close: configured.close };
  },
});

/** Address of the gateway's demo instruments, where it has any. */
function demoOf(demo: unknown): Address | undefined {
  const modbus = (demo as { modbus?: Partial<Address> } | undefined)?.modbus;
  return typeof modbus?.host === 'string' && typeof modbus.port === 'number'
    ? { host: modbus.host, port: modbus.port }
    : undefined;
}

export default nodeRed(definition);
