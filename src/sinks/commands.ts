// The log of commands: entered before a command is carried out, completed when its outcome is known.
import type { Query } from '../reading/contracts.ts';

export type Command = { commandId: string; deviceId: string; actor: string; action: string; value: unknown };
export type CommandEnd = { outcome: string; error?: string };

export type CommandLog = {
  /** False where this command was entered before: it must not be carried out again. Rejects with a Fault of the database. */
  begin(command: Command): Promise<boolean>;
  end(command: Command, end: CommandEnd): Promise<void>;
};

export function commandLog(query: Query): CommandLog {
  return {
    async begin({ commandId, deviceId, actor, action, value }) {
      const rows = await query(
        `INSERT INTO command_log (command_id, device_id, actor, action, value) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (command_id, device_id) DO NOTHING RETURNING id`,
        [commandId, deviceId, actor, action, JSON.stringify(value ?? null)],
      );
      return rows.length > 0;
    },
    async end({ commandId, deviceId }, { outcome, error }) {
      await query(
        `UPDATE command_log SET outcome = $3, error = $4, finished_at = now() WHERE command_id = $1 AND device_id = $2`,
        [commandId, deviceId, outcome, error ?? null],
      );
    },
  };
}
