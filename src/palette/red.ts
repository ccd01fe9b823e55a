// The part of Node-RED's runtime API that the palette uses, typed; no other file of src/ knows Node-RED.
import type { Message, Output } from './define.ts';

export type RedNode = {
  id: string;
  type: string;
  name?: string;
  credentials?: Record<string, string>;
  /** Ids of the nodes at the other ends, by output. */
  wires?: readonly (readonly string[])[];
  send(output: unknown): void;
  receive(message: Message): void;
  status(status: { fill?: string; shape?: string; text?: string }): void;
  log(text: string): void;
  warn(text: string): void;
  error(error: unknown): void;
  on(
    event: 'input',
    listener: (message: Message, send: (output: Output) => void, done: (error?: Error) => void) => void,
  ): void;
  on(event: 'close', listener: (removed: boolean, done: () => void) => void): void;
  /** Live object of a Fieldline config node. */
  fieldline?: { provides: unknown; retain(): void; release(): void };
};

/** Private parts of a Node-RED node that the tracker reads (Node-RED 5.0.7); a test fails when they change. */
export type DeliveryNode = {
  _expectedDoneCount: number;
  _inputCallback?: unknown;
  _inputCallbacks?: unknown;
  _flow: { getNode(id: string): unknown };
};
export type SendEvent = {
  msg: TrackedMessage;
  source: { node: DeliveryNode };
  destination: { id: string; node?: DeliveryNode };
};
export type ReceiveEvent = { msg: TrackedMessage; destination: { node: DeliveryNode } };
export type CompleteEvent = { msg: TrackedMessage; error?: unknown; node: { id: string; node: DeliveryNode } };
export type TrackedMessage = Message & { [key: symbol]: unknown };

export type RedHooks = {
  add(id: `preRoute.${string}` | `preDeliver.${string}`, hook: (event: SendEvent) => void): void;
  add(id: `onReceive.${string}` | `postReceive.${string}`, hook: (event: ReceiveEvent) => void): void;
  add(id: `onComplete.${string}`, hook: (event: CompleteEvent) => void): void;
};

type AdminHandler = (
  request: { body: unknown; query: Record<string, string> },
  response: { status(code: number): { json(body: unknown): void }; json(body: unknown): void },
) => void;

export type Red = {
  nodes: {
    createNode(node: RedNode, config: Record<string, unknown>): void;
    registerType(
      type: string,
      construct: (this: RedNode, config: Record<string, unknown>) => void,
      options?: { credentials?: Record<string, { type: 'password' }> },
    ): void;
    getNode(id: string): RedNode | null | undefined;
    eachNode(tell: (config: { id: string; type: string }) => void): void;
    getCredentials(id: string): Record<string, string> | null | undefined;
  };
  hooks: RedHooks;
  events: { on(event: string, listener: () => void): void };
  settings: { userDir?: string; fieldline?: PaletteSettings };
  util: {
    evaluateNodeProperty(value: string, type: string, node: RedNode, message: Message): unknown;
    /** JSONata; throws on a syntax error. `node` gives it flow, global and env. */
    prepareJSONataExpression(text: string, node: RedNode | undefined): { assign(name: symbol, value: unknown): void };
    evaluateJSONataExpression(expression: object, input: object, done: (error: unknown, value: unknown) => void): void;
  };
  auth: { needsPermission(permission: string): AdminHandler };
  httpAdmin: {
    get(path: string, guard: AdminHandler, handler: AdminHandler): void;
    post(path: string, guard: AdminHandler, handler: AdminHandler): void;
  };
  httpNode: unknown;
  server: unknown;
};

/** `fieldline` in settings.js: what the gateway hands to the nodes. */
export type PaletteSettings = {
  services?: Record<string, unknown>;
  directory?: string;
  /** A message that lies in a foreign node longer than this is sent again by its source. */
  deliveryTimeoutSeconds?: number;
  /** Least time between two statuses of a node, 1000 where it is left out: each travels to every open editor. */
  statusGapMs?: number;
};
