// The host of one node: what `start` may ask of Node-RED and of the gateway.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { expected, Fault } from '../kernel/fault.ts';
import { counter, forgetGauges, gauge } from '../kernel/metrics.ts';
import type { Host, Message, Output } from './define.ts';
import { expressionOf } from './expression.ts';
import { removePart, reportPart } from './health.ts';
import type { Red, RedNode } from './red.ts';
import { calmStatus } from './status.ts';
import { inContextOf, sentOf, ticketOf, track } from './tracker.ts';

export function messagesOf(output: Output): readonly Message[] {
  if (!Array.isArray(output)) return [output as Message];
  return output.flat().filter((message): message is Message => typeof message === 'object' && message !== null);
}

// Labels may hold reasons that a device's input decides.
const MOST_COUNTERS = 200;

export type OpenHost = { host: Host; close(): void };

/** Folder for files of this installation. */
export function directoryOf(RED: Pick<Red, 'settings'>): string {
  return RED.settings.fieldline?.directory ?? path.join(RED.settings.userDir ?? process.cwd(), 'fieldline');
}

/** `config` is what the operator saved; `close` releases config nodes, timers and gauges. */
export function hostOf(RED: Red, node: RedNode, config: Record<string, unknown>): OpenHost {
  const labels = { node: node.id, type: node.type, name: node.name || node.type.replace('fieldline-', '') };
  const retained = new Set<NonNullable<RedNode['fieldline']>>();
  const counters = new Map<string, (by: number) => void>();
  const palette = RED.settings.fieldline ?? {};
  const status = calmStatus(
    (fill, text) => node.status({ fill, shape: fill === 'grey' ? 'ring' : 'dot', text }),
    palette.statusGapMs,
  );
  const host: Host = {
    id: node.id,
    name: labels.name,
    get directory() {
      const folder = directoryOf(RED);
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      return folder;
    },
    services: palette.services ?? {},
    config<T>(field: string): T | undefined {
      const shared = RED.nodes.getNode(String(config[field] ?? ''))?.fieldline;
      if (shared === undefined) return undefined;
      if (!retained.has(shared)) {
        retained.add(shared);
        shared.retain();
      }
      return shared.provides as T;
    },
    stockConfig(field) {
      const id = String(config[field] ?? '');
      if (id === '') return undefined;
      const chosen = RED.nodes.getNode(id) as unknown as Record<string, unknown> | null | undefined;
      // Falling back to another broker, say, would be worse than saying so.
      if (!chosen) throw new Fault('FIELDLINE_SETTING', expected(field, 'a config node that is enabled', id));
      return chosen;
    },
    secret: field => node.credentials?.[field] ?? '',
    wired: output => (node.wires?.[output]?.length ?? 0) > 0,
    other(id) {
      const other = RED.nodes.getNode(id);
      if (other) return { type: other.type, emit: one => track([one], () => other.receive(one), labels.name) };
      let disabled: { type: string } | undefined;
      RED.nodes.eachNode(one => (disabled = one.id === id ? one : disabled));
      return disabled;
    },
    emit: output => track(messagesOf(output), () => node.send(output), labels.name),
    send: output => inContextOf(undefined, () => node.send(output)),
    ticket: ticketOf,
    sent: sentOf,
    evaluate({ value, type }, message) {
      try {
        return RED.util.evaluateNodeProperty(value, type, node, message);
      } catch (error) {
        // Below what a message does not have there is nothing either.
        if (error instanceof TypeError) return undefined;
        throw error;
      }
    },
    expression: text => expressionOf(RED, text, node),
    status: status.set,
    count(name, by = 1, more = {}) {
      const key = `${name} ${Object.values(more).join(' ')}`;
      let add = counters.get(key);
      if (add === undefined) {
        add = counter(name, { ...labels, ...more });
        if (counters.size < MOST_COUNTERS) counters.set(key, add);
      }
      add(by);
    },
    gauge: (name, value) => gauge(name, value, labels),
    ready: (ready, detail) => reportPart({ id: node.id, name: labels.name, type: node.type, ready, detail }),
    log: (level, text) => node[level === 'info' ? 'log' : level](text),
    server: RED.server,
    http: RED.httpNode,
  };
  return {
    host,
    close() {
      status.close();
      removePart(node.id);
      forgetGauges({ node: node.id });
      for (const shared of retained) shared.release();
    },
  };
}
