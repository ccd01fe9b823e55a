// modbus-write: carries out commands on one unit, checked, logged and read back.
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { Fault, reasonOf } from '../../src/kernel/fault.ts';
import type { ConfiguredBus } from '../../src/modbus/configured.ts';
import { findMap } from '../../src/modbus/maps.ts';
import { systemTiming } from '../../src/modbus/timing.ts';
import { type Outcome, type Result, writer } from '../../src/modbus/writer.ts';
import { defineNode, type Message } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { whoOf } from '../../src/reading/who.ts';
import { type Command, commandLog } from '../../src/sinks/commands.ts';
import type { Database } from '../../src/store/database.ts';
import { fields } from './fields.ts';

const WAITING_LIMIT = 64;
const good: readonly Outcome[] = ['written', 'verified', 'dry run'];

export const definition = defineNode({
  type: 'fieldline-modbus-write',
  family: 'serve',
  icon: 'font-awesome/fa-pencil',
  summary: 'Writes values to one Modbus unit, checks them before, reads them back after, and keeps a log.',
  input: 'commands',
  outputs: ['carried out', 'not carried out'],
  fields,
  start(settings, host) {
    const bus = host.config<ConfiguredBus>('bus')?.bus;
    if (bus === undefined) throw new Fault('FIELDLINE_SETTING', 'Bus: expected a modbus-bus with an address, got none');
    const store = host.config<Database>('store');
    const log = store && commandLog(store.query);
    const map = settings.map.trim() === '' ? undefined : findMap(settings.map, path.join(host.directory, 'maps'));
    const write = writer({
      bus,
      unit: settings.unitId,
      fields: map?.fields ?? [],
      raw: settings.raw === 'yes',
      many: settings.functions === 'many',
      // A broadcast is answered by nobody.
      readBack: settings.readBack === 'yes' && settings.unitId !== 0,
      readBackMs: settings.readBackMs,
      after: systemTiming.after,
    });
    const deviceId = settings.deviceId.trim() || `${bus.name}/${settings.unitId}`;
    let waiting = 0;
    let latest: Promise<unknown> = Promise.resolve();

    /** Entered first: what was carried out is in the log, whatever happens after. */
    async function carryOut(command: Command, dryRun: boolean): Promise<Result & { repeated?: true }> {
      if (log === undefined || dryRun) return write(command.value, dryRun);
      try {
        await store?.migrated;
        if (!(await log.begin(command)))
          return { outcome: 'refused', error: 'this command was given before', writes: [], repeated: true };
      } catch (error) {
        return { outcome: 'refused', error: `the log of commands is away: ${reasonOf(error)}`, writes: [] };
      }
      const result = await write(command.value, false);
      await log
        .end(command, result)
        .catch(error => host.log('error', `outcome ${result.outcome} of ${command.commandId}: ${reasonOf(error)}`));
      return result;
    }

    async function run(message: Message): Promise<[ok: boolean, answer: Message]> {
      const command = commandOf(message, deviceId);
      const dryRun = settings.dryRun === 'yes' || message['dryRun'] === true;
      const result =
        waiting > WAITING_LIMIT
          ? { outcome: 'refused' as const, error: `${WAITING_LIMIT} commands wait already`, writes: [] }
          : await carryOut(command, dryRun);
      const ok = good.includes(result.outcome);
      host.count('fieldline_modbus_writes_total', 1, { outcome: result.outcome });
      const { outcome, error } = result;
      host.status(!ok ? 'red' : error ? 'yellow' : 'green', error ? `${outcome}: ${error}` : outcome);
      return [ok, { ...message, payload: { ...command, ...result } }];
    }

    host.status('grey', log === undefined ? 'ready, no log' : 'ready');
    return {
      input(message, send, done) {
        waiting++;
        // In the order in which they came.
        latest = latest
          .then(() => run(message))
          .then(([ok, answer]) => {
            send(ok ? answer : [undefined, answer]);
            done();
          })
          .catch(done)
          .finally(() => waiting--);
      },
      close: async () => {
        await latest;
      },
    };
  },
});

/** `msg.commandId` of the sender, so that a command that is delivered twice is carried out once; `msg.by`: who wants it. */
function commandOf(message: Message, deviceId: string): Command {
  const id = message['commandId'];
  return {
    commandId: typeof id === 'string' && id !== '' ? id.slice(0, 200) : randomUUID(),
    deviceId,
    actor: whoOf(message),
    action: 'modbus-write',
    value: message.payload,
  };
}

export default nodeRed(definition);
