// http-out: posts messages as JSON; done when the server has answered 2xx, or when they are on disk until it can.
import { randomUUID } from 'node:crypto';
import { openLink } from '../../src/delivery/link.ts';
import { linkLedger } from '../../src/delivery/link-ledger.ts';
import { linkPolicy } from '../../src/delivery/link-settings.ts';
import { onlyOne, refusals } from '../../src/delivery/letters/refusals.ts';
import { defineNode, type Message } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { LETTER_OF } from '../../src/reading/letter.ts';
import { outwardJson } from '../../src/reading/outward.ts';
import { isRaw, type Raw } from '../../src/reading/raw.ts';
import { membersOf } from '../../src/reading/reading.ts';
import { entriesOfMembers } from '../../src/reading/sent.ts';
import { askedMs, httpSink, type Post } from '../../src/sinks/http.ts';
import { fields } from './fields.ts';
import { targetOf } from './target.ts';
import { testNow } from './test-now.ts';

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
  admin: testNow,
  start(settings, host) {
    const target = targetOf(settings, host);
    const sink = httpSink({
      ...target,
      timeoutMs: settings.timeoutSeconds * 1000,
      maxBytes: settings.maxMegabytes * 1e6,
    });
    const refused = refusals<Post>(host, ({ body, entries }) => ({
      topic: target.url,
      bytes: Buffer.from(body),
      receivedAt: Date.now(),
      source: host.name,
      protocol: 'http',
      entry: onlyOne(entries),
    }));
    const ledger = linkLedger<Post>(host.directory, ({ entries = [] }) => entries);
    const link = openLink(sink, {
      target: 'server',
      host,
      policy: linkPolicy(settings, host.directory, host.id),
      counter: 'fieldline_posted_total',
      maxRows: BATCH,
      limitRows: settings.memoryRows,
      bytesOf: ({ body }) => body.length,
      askedMs,
      async onDrained(rows, outcomes) {
        await refused.keep(rows, outcomes);
        await ledger.drained(rows, outcomes);
      },
      onDropped: ledger.dropped,
      onLost: ledger.lost,
    });

    /** What this server has refused and somebody sends again leaves as it was. */
    const isLetter = (part: unknown, of: unknown): boolean =>
      isRaw(part) && (of === host.id || (part.protocol === 'http' && part.topic === target.url));
    const bodyOf = (part: unknown, of: unknown): string =>
      isLetter(part, of) ? Buffer.from((part as Raw).bytes).toString() : outwardJson(part);

    async function post(message: Message): Promise<void> {
      const { payload, [LETTER_OF]: of } = message;
      const members = membersOf(payload);
      const entries = entriesOfMembers(payload, host.sent(message));
      const isWhole = settings.send === 'whole' && !members.some(part => isLetter(part, of));
      const rows = (isWhole ? [payload] : members).map((part, at) => ({
        id: randomUUID(),
        body: bodyOf(part, of),
        entries: isWhole ? entries.flat() : entries[at]!,
      }));
      const fates = await link.submit(rows);
      ledger.noted(rows, fates);
      await refused.keep(rows, fates);
    }

    return {
      input(message, _send, done) {
        post(message).then(() => done(), done);
      },
      async close(removed) {
        await link.close(CLOSE_MS, removed);
        await refused.close();
      },
    };
  },
});

export default nodeRed(definition);
