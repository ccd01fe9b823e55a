// What a palette node is: its look, its settings and a start; types only, so that node files depend on no runtime detail.
import type { Settled, Ticket } from '../kernel/ticket.ts';
import type { Fields, Settings } from './fields.ts';

/** A Node-RED message. Tickets travel under a symbol key. */
export type Message = { topic?: string; payload?: unknown; [key: string]: unknown };
/** One message for output 1, or one entry (message, messages or undefined) per output. */
export type Output = Message | readonly (Message | readonly Message[] | undefined)[];
export type Send = (output: Output) => void;
/** No argument: committed, or dropped by decision. A Fault of kind outage makes the source try again for ever. */
export type Done = (error?: unknown) => void;

/** One colour per family: source, decode, check, store, serve. */
export type Family = 'source' | 'decode' | 'check' | 'store' | 'serve';
export type Fill = 'green' | 'yellow' | 'red' | 'grey' | 'blue';

/** Rejects with what the expression throws. */
export type Expression = (input: object) => Promise<unknown>;

/** What a node may ask of the world. Everything that knows Node-RED is behind it. */
export type Host = {
  readonly id: string;
  /** The operator's name for the node, else its type without prefix. */
  readonly name: string;
  /** Folder for files of this installation; made on first use. */
  readonly directory: string;
  /** Live objects handed in by the gateway (journal of the embedded broker …); empty in a bare palette. */
  readonly services: Readonly<Record<string, unknown>>;
  /** Live object of the Fieldline config node chosen in `field`; undefined when none is chosen or it is not valid. */
  config<T>(field: string): T | undefined;
  /** A config node of another palette (stock mqtt-broker), as Node-RED holds it, with `credentials`; undefined when none is chosen. Throws a Fault when the chosen one is missing or disabled. */
  stockConfig(field: string): Readonly<Record<string, unknown>> | undefined;
  /** A secret from the credentials; '' when unset. */
  secret(field: string): string;
  /** Source: sends with a delivery ticket and tells what became of the message. */
  emit(output: Output): Promise<Settled>;
  /** A node of the flow. `emit`, of one that runs: gives a message to its input with a delivery ticket, and tells what became of it. */
  other(id: string): { type: string; emit?(message: Message): Promise<Settled> } | undefined;
  /** Is anything wired to this output, counted from 0? What is sent to nobody settles as if it had been stored. */
  wired(output: number): boolean;
  /** Sends without a ticket (timers, status messages). */
  send(output: Output): void;
  /** Ticket of a message that arrived; undefined when no source tracks it. */
  ticket(message: Message): Ticket | undefined;
  /** Members of what its source sent, of a message that arrived; undefined when no source tracks it. */
  sent(message: Message): readonly unknown[] | undefined;
  /** Value of a typed setting for this message. */
  evaluate(setting: { value: string; type: string }, message: Message): unknown;
  /** A JSONata expression as a function; throws a Fault FIELDLINE_SETTING where the text is none. */
  expression(text: string): Expression;
  /** Shown under the node, at most about once a second, the latest wins. Red needs a reason in the text. */
  status(fill: Fill, text: string): void;
  /** Adds to a counter with this node's id, type and name as labels. */
  count(name: string, by?: number, labels?: Readonly<Record<string, string>>): void;
  gauge(name: string, value: number): void;
  /** A durable source's part in /health: 503 while any part is not ready. */
  ready(ready: boolean, detail: string): void;
  log(level: 'info' | 'warn' | 'error', text: string): void;
  /** HTTP server of Node-RED, for sockets (`upgrade`); undefined in unit tests. */
  readonly server: unknown;
  /** Express router of Node-RED for public endpoints, e.g. /api. */
  readonly http: unknown;
};

export type Running = {
  /** Never throws: failures go to done(error). */
  input?(message: Message, send: Send, done: Done): void;
  /** Sources: stop emitting before a deploy or a stop; what is out may still settle. */
  pause?(): void;
  resume?(): void;
  /** `removed`: the operator has taken the node out of the flow, or disabled it. */
  close?(removed: boolean): Promise<void> | void;
};

type Common<F extends Fields> = {
  type: `fieldline-${string}`;
  /** One sentence: what it does. */
  summary: string;
  fields: F;
  /** Admin endpoints for the dialog, registered once per process. */
  admin?(admin: Admin): void;
};

/** A node on the canvas. */
export type NodeDefinition<F extends Fields = Fields> = Common<F> & {
  family: Family;
  /** `font-awesome/fa-…` or an own SVG in icons/. */
  icon: string;
  /** Label of the input port; left out for a source. */
  input?: string;
  /** Labels of the output ports. */
  outputs: readonly string[];
  /** Admin endpoint (`act`) that the node's button on the canvas calls with `{ node }`; it answers `{ says }`. */
  button?: `fieldline/${string}`;
  /** A source that acknowledges a message when it is done: the editor warns where it gets to a link that does not keep on disk. */
  acknowledges?: boolean;
  start(settings: Settings<F>, host: Host): Running | Promise<Running>;
};

/** A config node: `provides` is handed to its users; `close` is called after every user has closed. */
export type ConfigDefinition<F extends Fields = Fields> = Common<F> & {
  family: 'config';
  /** Setting shown as label where the node has no name. */
  labelField: keyof F & string;
  start(settings: Settings<F>, host: Host): { provides: unknown; close?(): Promise<void> | void };
};

export type AdminRequest = {
  body: unknown;
  query: Readonly<Record<string, string>>;
  /** What a config node provides. */
  node(id: string): unknown;
  /** A config node of another palette, as Node-RED holds it; undefined when there is none. */
  stock(id: string): Readonly<Record<string, unknown>> | null | undefined;
  /** A secret as it was typed into the form; one that was not touched there is the stored one of the node. */
  secret(id: string, field: string, typed: unknown): string;
  /** As of a host, without flow and global. */
  expression(text: string): Expression;
  /** As of a host. */
  readonly services: Readonly<Record<string, unknown>>;
  /** As of a host; may not exist yet. */
  readonly directory: string;
};
/** Answers JSON; a thrown error becomes 400 with its message. Reads need `fieldline.read`, acts `fieldline.write`. */
export type Admin = {
  read(path: `fieldline/${string}`, answer: (request: AdminRequest) => Promise<unknown> | unknown): void;
  act(path: `fieldline/${string}`, answer: (request: AdminRequest) => Promise<unknown> | unknown): void;
};

/** Keeps the literal types of a definition. */
export function defineNode<const F extends Fields>(definition: NodeDefinition<F>): NodeDefinition<F> {
  return definition;
}
export function defineConfig<const F extends Fields>(definition: ConfigDefinition<F>): ConfigDefinition<F> {
  return definition;
}
