// Real Node-RED for tests, once per process: register nodes, deploy flows, watch what nodes receive, send with tickets.
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { Settled } from '../../src/kernel/ticket.ts';
import { type Done, defineNode, type Message, type Send } from '../../src/palette/define.ts';
import type { PaletteSettings, Red } from '../../src/palette/red.ts';
import { nodeRed } from '../../src/palette/register.ts';

const require = createRequire(import.meta.url);

export type FlowNode = { id: string; type: string; [key: string]: unknown };
export type DeployType = 'full' | 'flows' | 'nodes';

export type TestRuntime = {
  /** Default export of a node file; once per type. */
  register(...nodes: ((RED: Red) => void)[]): void;
  /** Deploys on tab `t` and resolves when the flows run. Nodes need no x, y, z. */
  deploy(flow: readonly FlowNode[], type?: DeployType): Promise<void>;
  /** Sends from a `test-source` node with a ticket. */
  emit(sourceId: string, message: Message): Promise<Settled>;
  /** Gives a message to any node as if it came over a wire, without a ticket. */
  inject(id: string, message: Message): void;
  /** Behaviour of a `test-sink` node from now on; default: done at once. */
  onSink(id: string, behave: (message: Message, send: Send, done: Done) => void): void;
  /** Messages a `test-sink` has received since the deploy. */
  received(id: string): readonly Message[];
  /** Resolves when a `test-sink` has received n messages since the deploy. */
  until(id: string, n: number): Promise<readonly Message[]>;
  /** Last status text of a node, '' before the first. */
  status(id: string): { fill?: string; text?: string };
  /** Resolves when the node's status text matches. */
  untilStatus(id: string, matches: RegExp): Promise<{ fill?: string; text?: string }>;
  readonly settings: PaletteSettings;
  /** Address of Node-RED's HTTP server, e.g. http://127.0.0.1:4711 */
  readonly url: string;
};

type Sink = {
  behave: (message: Message, send: Send, done: Done) => void;
  messages: Message[];
  waiting: (() => void)[];
};
type RuntimeNode = { receive(message: Message): void };

let shared: Promise<TestRuntime> | undefined;

/** The runtime of this test process; nodes `test-source` (1 output) and `test-sink` (1 output) are always there. */
export function testRuntime(): Promise<TestRuntime> {
  shared ??= start();
  return shared;
}

async function start(): Promise<TestRuntime> {
  const RED = require('node-red');
  const redNodes = require('@node-red/runtime/lib/nodes');
  const registryUtil = require('@node-red/registry/lib/util');
  const express = require('express');
  const userDir = mkdtempSync(path.join(os.tmpdir(), 'fieldline-test-'));
  process.once('exit', () => rmSync(userDir, { recursive: true, force: true }));
  const settings: PaletteSettings = {
    services: {},
    directory: path.join(userDir, 'fieldline'),
    // A few tests wait for it; a machine that stands still for a while fails none.
    deliveryTimeoutSeconds: 8,
    statusGapMs: 20,
  };
  const app = express();
  const server = http.createServer(app);
  RED.init(server, {
    userDir,
    flowFile: path.join(userDir, 'flows.json'),
    httpAdminRoot: '/',
    httpNodeRoot: '/',
    credentialSecret: 'test',
    telemetry: { enabled: false },
    nodeCloseTimeout: 3000,
    logging: { console: { level: 'off' } },
    fieldline: settings,
  });
  app.use('/', RED.httpAdmin);
  app.use('/', RED.httpNode);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const flowsStarted = () => new Promise<void>(resolve => RED.events.once('flows:started', () => resolve()));
  const up = flowsStarted();
  await RED.start();
  await up;
  server.unref();

  const api = registryUtil.createNodeApi({ id: 'fieldline/test', namespace: 'fieldline' }) as Red;
  const registered = new Set<unknown>();
  const sources = new Map<string, (message: Message) => Promise<Settled>>();
  const sinks = new Map<string, Sink>();
  const statuses = new Map<string, { fill?: string; text?: string }>();
  const statusListeners = new Set<() => void>();
  RED.events.on('node-status', (event: { id: string; status: { fill?: string; text?: string } }) => {
    statuses.set(event.id, event.status);
    for (const listener of [...statusListeners]) listener();
  });

  const sinkOf = (id: string): Sink => {
    let sink = sinks.get(id);
    if (sink === undefined) {
      sink = { behave: (_message, _send, done) => done(), messages: [], waiting: [] };
      sinks.set(id, sink);
    }
    return sink;
  };
  const testSource = defineNode({
    type: 'fieldline-test-source',
    family: 'source',
    icon: 'font-awesome/fa-flask',
    summary: 'Test source.',
    outputs: ['out'],
    fields: {},
    start(_settings, host) {
      sources.set(host.id, message => host.emit(message));
      return {};
    },
  });
  const testSink = defineNode({
    type: 'fieldline-test-sink',
    family: 'store',
    icon: 'font-awesome/fa-flask',
    summary: 'Test sink.',
    input: 'in',
    outputs: ['out'],
    fields: {},
    start(_settings, host) {
      return {
        input(message, send, done) {
          const sink = sinkOf(host.id);
          sink.messages.push(message);
          for (const wake of sink.waiting.splice(0)) wake();
          sink.behave(message, send, done);
        },
      };
    },
  });

  const runtime: TestRuntime = {
    register(...nodes) {
      for (const node of nodes) if (!registered.has(node)) registered.add(node) && node(api);
    },
    async deploy(flow, type = 'full') {
      // Not before: the nodes of the flow before send until they are stopped.
      if (type === 'full')
        RED.events.once('flows:starting', () => {
          for (const sink of sinks.values()) sink.messages = [];
        });
      const started = flowsStarted();
      const named: Record<string, string> = {
        'test-source': 'fieldline-test-source',
        'test-sink': 'fieldline-test-sink',
      };
      const flows = flow.map((node, at) => ({
        x: 100 * at,
        y: 60,
        z: 't',
        wires: [],
        ...structuredClone(node),
        type: named[node.type] ?? node.type,
      }));
      const tab = { id: 't', type: 'tab', label: 'test' };
      const noTab = flow.some(node => node.type === 'tab') ? [] : [tab];
      const answer = await fetch(`${runtime.url}/flows`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'Node-RED-API-Version': 'v2', 'Node-RED-Deployment-Type': type },
        body: JSON.stringify({ flows: [...noTab, ...flows] }),
      });
      if (!answer.ok) throw new Error(`deploy: ${answer.status} ${await answer.text()}`);
      await started;
    },
    emit(sourceId, message) {
      const emit = sources.get(sourceId);
      if (emit === undefined) throw new Error(`no test-source ${sourceId}`);
      return emit(message);
    },
    inject(id, message) {
      (redNodes.getNode(id) as RuntimeNode).receive(message);
    },
    onSink(id, behave) {
      sinkOf(id).behave = behave;
    },
    received: id => sinkOf(id).messages,
    async until(id, n) {
      const sink = sinkOf(id);
      while (sink.messages.length < n) await new Promise<void>(resolve => sink.waiting.push(resolve));
      return sink.messages;
    },
    status: id => statuses.get(id) ?? {},
    async untilStatus(id, matches) {
      while (!matches.test(statuses.get(id)?.text ?? ''))
        await new Promise<void>(resolve => {
          const listener = () => {
            statusListeners.delete(listener);
            resolve();
          };
          statusListeners.add(listener);
        });
      return statuses.get(id) ?? {};
    },
    settings,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  };
  runtime.register(nodeRed(testSource), nodeRed(testSink));
  return runtime;
}
