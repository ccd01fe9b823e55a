// http-out: posts messages as JSON; done when the server has answered 2xx, or when they are on disk until it can.
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { openLink } from '../../src/delivery/link.ts';
import { linkPolicy } from '../../src/delivery/link-settings.ts';
import { refusals } from '../../src/delivery/refusals.ts';
import { fateOf, noteFate } from '../../src/kernel/ledger.ts';
import { defineNode, type Message } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { outwardJson } from '../../src/reading/outward.ts';
import { entryOf, membersOf } from '../../src/reading/reading.ts';
import { askedMs, httpSink, type Post } from '../../src/sinks/http.ts';
import { fields } from './fields.ts';
import { targetOf } from './target.ts';

/** Below the time that Node-RED gives a node to close. */
const CLOSE_MS = 3000;
/** Requests that are settled together, one after the other. */
const BATCH = 20;

export const definition = defineNode({
  type: 'fieldline-http-out',
  family: 'serve',
  icon: 'font-awesome/fa-cloud-upload',
  summary: 'Posts messages as JSON, keeps them through an outage, and is done when the server has them.',
  input: 'messages',
  outputs: [],
  fields,
  start(settings, host) {
    const target = targetOf(settings, host);
    const sink = httpSink({
      ...target,
      timeoutMs: settings.timeoutSeconds * 1000,
      maxBytes: settings.maxMegabytes * 1e6,
    });
    const refused = refusals<Post>(path.join(host.directory, 'dead-letters', host.id), ({ body }) => ({
      ...{ topic: target.url, bytes: Buffer.from(body), receivedAt: Date.now(), source: host.name, protocol: 'http' },
    }));
    const link = openLink(sink, {
      target: 'server',
      host,
      policy: linkPolicy(settings, host.directory, host.id),
      counter: 'fieldline_posted_total',
      maxRows: BATCH,
      limitRows: settings.memoryRows,
      bytesOf: ({ body }) => body.length,
      askedMs,
      onDrained: refused.keep,
    });

    async function post(message: Message): Promise<void> {
      const members = membersOf(message.payload);
      const bodies = settings.send === 'each' ? members.map(outwardJson) : [outwardJson(message.payload)];
      const rows = bodies.map(body => ({ id: randomUUID(), body }));
      const fates = await link.submit(rows);
      await refused.keep(rows, fates);
      for (const [at, member] of members.entries()) {
        const fate = fates[settings.send === 'each' ? at : 0];
        if (fate !== undefined) noteFate(entryOf(member), fate === 'kept' ? 'stored' : fateOf(fate));
      }
    }

    return {
      input(message, _send, done) {
        post(message).then(() => done(), done);
      },
      async close() {
        await link.close(CLOSE_MS);
        await refused.close();
      },
    };
  },
});

export default nodeRed(definition);
