// What the journal and its worker thread say to each other.
import type { Entry } from './tail.ts';

/** Counted for each entry besides its bytes, so that a flood of empty messages is bounded too. */
export const ENTRY_OVERHEAD = 100;

/** `marked`: notes that are known even where the file is put back to an earlier state. */
export type Served = { file: string; marked: readonly string[] };

/** What the thread has found in the file. */
export type Opened = {
  lastSeq: number;
  bytes: number;
  entries: number;
  readers: [id: number, name: string][];
  notes: [key: string, value: string][];
  /** What was lost when the file was damaged, in words. */
  loss: string | undefined;
};

/** `id`: stands in the answer. */
export type Read = { id: number; reader: number; after: number; entries: number; bytes: number };
export type Copy = { id: number; to: string };

/** Entries by column; `blobs` and `readers` hold those of all entries, one after the other. */
export type Appends = {
  /** Number of the first entry; the others follow on it. */
  first: number;
  metas: readonly string[];
  lengths: readonly number[];
  blobs: Uint8Array;
  readerCounts: readonly number[];
  readers: readonly number[];
};
/** What is committed together. */
export type Writes = {
  newReaders: [id: number, name: string][];
  acks: { reader: number; seqs: readonly number[] }[];
  appends: Appends;
  drops: number[];
  notes: [key: string, value: string | null][];
};
export type Request = { close?: true; reads?: Read[]; writes?: Writes; copy?: Copy };

/** Entries that were read, with their blobs one after the other. */
export type Page = { rows: readonly { seq: number; meta: string; length: number }[]; blobs: Uint8Array };
/** To a read or a copy: done (a read with its page), or why not. `loss`: what a copy lacks because the file was damaged, in words. */
export type Answer = { answers: number; page?: Page; loss?: string } | { answers: number; fault: string };

export type Response =
  | { opened: Opened }
  | { unusable: string }
  | Answer
  /** The file was taken away or damaged, and was put back or mended; in words, with what lies in it now. */
  | { mended: string; bytes: number; entries: number }
  | { committed: { bytes: number; entries: number } }
  | { refused: string };

/** Many blobs as one: a message with an object for each took a seventh of the broker's CPU. */
export function joined(blobs: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(blobs.reduce((sum, blob) => sum + blob.length, 0));
  let at = 0;
  for (const blob of blobs) {
    bytes.set(blob, at);
    at += blob.length;
  }
  return bytes;
}

/** The entries of a page; their blobs are parts of its one. */
export function entriesOf({ rows, blobs }: Page): Entry[] {
  let at = 0;
  return rows.map(({ seq, meta, length }) => {
    at += length;
    return { seq, meta, blob: blobs.subarray(at - length, at) };
  });
}
