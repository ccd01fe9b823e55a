// Settings that every outgoing link has: what happens while the peer is away, and how much the outbox may hold.
import path from 'node:path';
import type { DiskPolicy, LinkPolicy } from './link.ts';
import type { FullPolicy } from './outbox/outbox.ts';

export const linkFields = {
  policy: {
    kind: 'choice',
    label: 'While it is away',
    help: 'What becomes of messages while the other end does not answer. On disk they are safe over a crash, and done.',
    initial: 'disk',
    options: [
      ['disk', 'keep them on disk, send them later'],
      ['memory', 'wait in memory; sources that can wait do'],
      ['drop', 'drop and count them'],
    ],
  },
  outboxMegabytes: {
    kind: 'number',
    label: 'Outbox size',
    unit: 'MB',
    help: 'Most that lies on the disk, compressed: a megabyte holds some 10,000 readings.',
    initial: 1024,
    min: 1,
    max: 1_000_000,
  },
  outboxHours: {
    kind: 'number',
    label: 'Outbox age',
    unit: 'h',
    help: 'What is older is dropped and counted.',
    initial: 720,
    min: 0.01,
    max: 100_000,
  },
  outboxFull: {
    kind: 'choice',
    label: 'When the outbox is full',
    help: 'Sources that can wait lose nothing when new messages wait; what is dropped is counted.',
    initial: 'block',
    options: [
      ['block', 'new messages wait'],
      ['drop-oldest', 'drop the oldest'],
      ['drop-newest', 'drop the new ones'],
    ],
  },
} as const;

export type LinkSettings = {
  policy: 'drop' | 'memory' | 'disk';
  outboxMegabytes: number;
  outboxHours: number;
  outboxFull: FullPolicy;
};

/** `directory` of this installation; each link has a file of its own there, named by the id of its node. */
export function linkPolicy(settings: LinkSettings, directory: string, id: string): LinkPolicy {
  const disk: DiskPolicy = {
    kind: 'disk',
    file: path.join(directory, 'outbox', `${encodeURIComponent(id)}.outbox`),
    maxBytes: settings.outboxMegabytes * 1e6,
    maxAgeMs: settings.outboxHours * 3_600_000,
    full: settings.outboxFull,
  };
  return settings.policy === 'disk' ? disk : { kind: settings.policy, left: disk };
}
