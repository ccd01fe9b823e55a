// Faults: what went wrong, where, what was expected, what came and what to do; the kind decides about retry.

/** data: this message will never work. outage: a peer is away, try again for ever. unfinished: nobody said what became of it. */
export type FaultKind = 'data' | 'outage' | 'unfinished';

/** Every code with its next step; `docs/reference/errors.md` is generated from this table. */
export const faultCodes = {
  FIELDLINE_SETTING: 'Correct the setting in the node, the option or the environment variable that is named.',
  FIELDLINE_PORT_IN_USE: 'Stop the other program, or choose another port with PORT or MQTT_LISTEN.',
  FIELDLINE_DIR: 'Point FIELDLINE_DIR at a folder that this user can write to.',
  FIELDLINE_DIR_IN_USE:
    'Another gateway works on this data directory: stop it, or give this one its own FIELDLINE_DIR.',
  FIELDLINE_DATABASE: 'Check DATABASE_URL and that PostgreSQL runs and accepts this user.',
  FIELDLINE_TABLE:
    'Mend the table, or map its columns in the dialog of timescale-out; readings wait meanwhile, and nothing is lost.',
  FIELDLINE_BROKER: 'Check MQTT_URL, the credentials and that the broker runs.',
  FIELDLINE_HTTP: 'Check the address, the credentials and what the server answered.',
  FIELDLINE_FULL: 'More comes in than goes out: look at the peer of this link, or give its outbox or memory more room.',
  FIELDLINE_PASSWORD_NEEDED: 'Set FIELDLINE_ADMIN_PASSWORD, or keep HOST on 127.0.0.1.',
  FIELDLINE_BACKUP: 'See to what is named; restore a whole file, into an empty directory. Nothing was changed.',
  FIELDLINE_MIGRATION: 'Restore the migration file as it was applied; migrations are forward only.',
  FIELDLINE_DECODE: 'Look at the reason; the original bytes are in the archive and can be replayed.',
  FIELDLINE_MESSAGE: 'Correct the sender, or map the message in normalize.',
  FIELDLINE_ROW: 'Look at the dead letter: the database refused this row.',
  FIELDLINE_MODBUS: 'Check unit id, address, wiring and the register map.',
  FIELDLINE_RADIO: 'Check the adapter and its permission; ble-scan shows the command.',
  FIELDLINE_TIMEOUT:
    'A node in the flow neither passed the message on nor finished it; look at function nodes that send later.',
  FIELDLINE_DEPLOYED: 'The flow was deployed while the message was on its way; the source sends it again.',
  FIELDLINE_FOREIGN: 'A node of another palette refused the message; its own status tells more.',
} as const;
export type FaultCode = keyof typeof faultCodes;

/** `<where>: expected <what>, got <value>`, with a code and a kind; in logs and catch nodes no name stands before it. */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly kind: FaultKind;

  constructor(code: FaultCode, message: string, options: { kind?: FaultKind; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = '';
    this.code = code;
    this.kind = options.kind ?? 'data';
  }

  get nextStep(): string {
    return faultCodes[this.code];
  }
}

/** The one form of a complaint about a value. Long values are cut, so that a hostile payload cannot fill a log. */
export function expected(where: string, what: string, got: unknown): string {
  let shown: string;
  try {
    shown = got === undefined ? 'nothing' : typeof got === 'bigint' ? `${got}n` : (JSON.stringify(got) ?? String(got));
  } catch {
    shown = 'something that cannot be shown';
  }
  return `${where}: expected ${what}, got ${shown.length > 120 ? `${shown.slice(0, 117)}…` : shown}`;
}

/** Message of anything that was thrown, on one line. What a function node throws is an Error of another realm, no instance. */
export function reasonOf(error: unknown): string {
  const { message, name } = Object(error) as Partial<Error>;
  const text = typeof error === 'string' ? error : message === undefined ? JSON.stringify(error) : message || name;
  return `${text ?? 'unknown'}`.replace(/\s+/g, ' ').slice(0, 500);
}
