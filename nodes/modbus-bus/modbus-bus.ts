// modbus-bus: one Modbus line, shared by the polls of all its units.
import path from 'node:path';
import { type Address, configureBus } from '../../src/modbus/configured.ts';
import { defineConfig } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { register } from './admin.ts';
import { fields } from './fields.ts';
import { busSettingsOf } from './settings.ts';

/** Maps of the user, as the first bus that starts finds them. */
let mapsFolder: string | undefined;

export const definition = defineConfig({
  type: 'fieldline-modbus-bus',
  family: 'config',
  labelField: 'host',
  summary: 'One Modbus line, TCP, serial or serial over TCP, shared by the polls of all units on it.',
  fields,
  admin: admin => register(admin, () => mapsFolder),
  start(settings, host) {
    mapsFolder ??= path.join(host.directory, 'maps');
    const name = host.name === 'modbus-bus' ? '' : host.name;
    const configured = configureBus(busSettingsOf(settings, name), demoOf(host.services['demo']));
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
