// Turns a definition into what Node-RED loads: registers the type, checks settings, keeps tickets right around every handler.
import { Fault, reasonOf } from '../kernel/fault.ts';
import { head, type Ticket } from '../kernel/ticket.ts';
import { adminOf } from './admin.ts';
import type { ConfigDefinition, NodeDefinition, Output, Running } from './define.ts';
import { addSource } from './drain.ts';
import type { Fields } from './fields.ts';
import { hostOf, messagesOf } from './host.ts';
import type { Red, RedNode } from './red.ts';
import { checkSettings } from './settings.ts';
import { beginSpan } from './trace.ts';
import { carry, failureOf, inContextOf, installTracker, ticketOf, trust } from './tracker.ts';

const CLOSE_LIMIT_MS = 4000;
const DEFAULT_TIMEOUT_S = 60;

/** The function that a node file exports as default. */
export function nodeRed<F extends Fields>(definition: NodeDefinition<F> | ConfigDefinition<F>): (RED: Red) => void {
  return RED => {
    const timeoutMs = (RED.settings.fieldline?.deliveryTimeoutSeconds ?? DEFAULT_TIMEOUT_S) * 1000;
    installTracker(RED.hooks, (event, listener) => RED.events.on(event, listener), timeoutMs);
    definition.admin?.(adminOf(RED));
    const secrets = Object.entries(definition.fields).filter(([, field]) => field.kind === 'secret');
    const options = secrets.length
      ? { credentials: Object.fromEntries(secrets.map(([name]) => [name, { type: 'password' as const }])) }
      : {};
    RED.nodes.registerType(
      definition.type,
      function (this: RedNode, config) {
        RED.nodes.createNode(this, config);
        if (definition.family === 'config') openConfig(RED, this, definition, config);
        else openNode(RED, this, definition, config);
      },
      options,
    );
  };
}

function openConfig<F extends Fields>(
  RED: Red,
  node: RedNode,
  definition: ConfigDefinition<F>,
  config: Record<string, unknown>,
): void {
  const { settings, faults, warnings } = checkSettings(definition.fields, config);
  const { host, close } = hostOf(RED, node, config);
  for (const warning of warnings) host.log('warn', warning);
  let users = 0;
  let lastReleased: (() => void) | undefined;
  let running: ReturnType<ConfigDefinition<F>['start']> | undefined;
  try {
    if (faults.length > 0) throw new Fault('FIELDLINE_SETTING', faults.join('; '));
    running = definition.start(settings, host);
    node.fieldline = {
      provides: running.provides,
      retain: () => users++,
      release: () => {
        if (--users === 0) lastReleased?.();
      },
    };
  } catch (error) {
    host.log('error', reasonOf(error));
  }
  node.on('close', (_removed, done) => {
    // Node-RED closes config nodes and their users in the same tick: this one waits for them.
    const usersGone = users === 0 ? Promise.resolve() : new Promise<void>(resolve => (lastReleased = resolve));
    within(CLOSE_LIMIT_MS, usersGone)
      .then(() => within(CLOSE_LIMIT_MS, Promise.resolve(running?.close?.())))
      .catch((error: unknown) => host.log('warn', reasonOf(error)))
      .finally(() => {
        close();
        done();
      });
  });
}

function openNode<F extends Fields>(
  RED: Red,
  node: RedNode,
  definition: NodeDefinition<F>,
  config: Record<string, unknown>,
): void {
  trust(node);
  const { settings, faults, warnings } = checkSettings(definition.fields, config);
  const { host, close } = hostOf(RED, node, config);
  for (const warning of warnings) host.log('warn', warning);
  if (definition.input !== undefined) host.count('fieldline_messages_total', 0);
  const held = new Set<(error?: unknown) => void>();
  const early: (() => void)[] = [];
  let running: Running | undefined;
  let broken: Fault | undefined;
  let removeSource: (() => void) | undefined;

  const started = (async () => {
    if (faults.length > 0) throw new Fault('FIELDLINE_SETTING', faults.join('; '));
    return definition.start(settings, host);
  })().then(
    it => {
      running = it;
      const { pause, resume } = it;
      if (pause && resume) removeSource = addSource({ pause: () => pause(), resume: () => resume() });
    },
    (error: unknown) => {
      // Kind outage: a node that cannot work must not make anyone give up a message.
      broken = new Fault('FIELDLINE_SETTING', reasonOf(error), { kind: 'outage', cause: error });
      host.status('red', broken.message);
      node.error(broken);
    },
  );
  started.then(() => early.splice(0).map(deliver => deliver()));

  node.on('input', (message, send, done) => {
    host.count('fieldline_messages_total');
    const ticket = ticketOf(message);
    const endSpan = beginSpan(ticket, host.name, node.type);
    const finish = hold(ticket, held, error => {
      endSpan?.(error);
      inContextOf(ticket, () => done(error === undefined ? undefined : asError(error)));
    });
    const pass = (output: Output) => inContextOf(ticket, () => send(tagged(output, ticket)));
    const deliver = () => {
      if (broken !== undefined) return finish(broken);
      try {
        if (running?.input) running.input(message, pass, finish);
        else finish();
      } catch (error) {
        finish(error);
      }
    };
    if (running === undefined && broken === undefined) early.push(deliver);
    else deliver();
  });

  node.on('close', (removed, done) => {
    const away = new Fault('FIELDLINE_DEPLOYED', `${host.name}: the node was closed while it held the message`, {
      kind: 'outage',
    });
    started
      .then(() => {
        removeSource?.();
        return within(CLOSE_LIMIT_MS, Promise.resolve(running?.close?.(removed)));
      })
      .catch((error: unknown) => host.log('warn', reasonOf(error)))
      .finally(() => {
        for (const finish of [...held]) finish(away);
        close();
        done();
      });
  });
}

/** Notes that a Fieldline node has the message (its time limit rests) until the returned function is called, once. */
function hold(
  ticket: Ticket | undefined,
  held: Set<(error?: unknown) => void>,
  done: (error?: unknown) => void,
): (error?: unknown) => void {
  if (ticket !== undefined) head(ticket).held++;
  let finished = false;
  const finish = (error?: unknown) => {
    if (finished) return;
    finished = true;
    held.delete(finish);
    if (ticket !== undefined) {
      const at = head(ticket);
      at.held--;
      at.idleSince = performance.now();
    }
    done(error ?? undefined);
  };
  held.add(finish);
  return finish;
}

/** New messages that a node makes belong to the ticket of the one it works on. */
function tagged(output: Output, ticket: Ticket | undefined): Output {
  if (ticket !== undefined)
    for (const message of messagesOf(output)) if (ticketOf(message) === undefined) carry(message, ticket);
  return output;
}

function asError(error: unknown): Error {
  if (error instanceof Error) return error;
  const failure = failureOf(error);
  return new Error(failure.ok ? 'unknown' : failure.reason);
}

function within(limitMs: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`close took longer than ${limitMs / 1000} s`)), limitMs);
    work.then(() => resolve(), reject).finally(() => clearTimeout(timer));
  });
}
