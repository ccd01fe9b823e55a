// Admin endpoints for dialogs: guarded, POST for anything that acts, JSON in and out, a deadline on every answer.
import { expected, reasonOf } from '../kernel/fault.ts';
import type { Admin, AdminRequest } from './define.ts';
import { expressionOf } from './expression.ts';
import { directoryOf } from './host.ts';
import type { Red } from './red.ts';

const DEADLINE_MS = 30_000;
/** What the editor shows in the place of a stored secret. */
const STORED = '__PWRD__';

/** Registers endpoints on Node-RED's admin API; the same path a second time is ignored (one per process). */
export function adminOf(RED: Red): Admin {
  const register =
    (method: 'get' | 'post', permission: string): Admin['read'] =>
    (path, answer) => {
      RED.httpAdmin[method](`/${path}`, RED.auth.needsPermission(permission), (request, response) => {
        const asked: AdminRequest = {
          body: request.body,
          query: request.query,
          node: id => RED.nodes.getNode(id)?.fieldline?.provides,
          stock: id => RED.nodes.getNode(id) as unknown as ReturnType<AdminRequest['stock']>,
          services: RED.settings.fieldline?.services ?? {},
          secret: (id, field, typed) =>
            typeof typed === 'string' && typed !== STORED ? typed : (RED.nodes.getCredentials(id)?.[field] ?? ''),
          expression: text => expressionOf(RED, text),
          directory: directoryOf(RED),
        };
        const { promise: deadline, reject } = Promise.withResolvers<never>();
        const timer = setTimeout(() => reject(new Error(expected(path, 'an answer within 30 s', 'none'))), DEADLINE_MS);
        Promise.race([Promise.resolve().then(() => answer(asked)), deadline])
          .then(
            body => response.json(body ?? {}),
            (error: unknown) => {
              const alien = error instanceof TypeError || error instanceof RangeError ? 'no body of a dialog: ' : '';
              response.status(400).json({ error: alien + reasonOf(error) });
            },
          )
          .finally(() => clearTimeout(timer));
      });
    };
  return { read: register('get', 'fieldline.read'), act: register('post', 'fieldline.write') };
}
