// Room on the disk of a restore: whether it was what failed, told with the disk and its bytes, whatever the program that ran out of it had to say.
import { statfsSync } from 'node:fs';
import { expected, Fault, reasonOf } from '../src/kernel/fault.ts';
import { codeOf } from '../src/reading/error-code.ts';

/** Node.js, PostgreSQL, and PostgreSQL of a page of which a part still had room. */
const SAID = /ENOSPC|EDQUOT|No space left on device|Disk quota exceeded|SQLSTATE 53100|wrote only \d+ of \d+ bytes/i;
/** Less than a piece of the write-ahead log: a server without room for the next one only ends. */
const NONE = 16 << 20;

/** Bytes that are to be written. */
export type Needs = { files: number; rows: number };
export type Room = {
  /** The same fault; or one that names the disk, where that is full. */
  faultOf(fault: Fault, needs: Needs): Fault;
};

/** `directory` is there, and nothing was written to it yet. `isElsewhere`: the database is. */
export function roomOf(directory: string, isElsewhere: boolean): Room {
  const before = freeOn(directory);
  return {
    faultOf(fault, { files, rows }) {
      const said = reasonOf(fault);
      const free = freeOn(directory);
      const isFull = free < NONE && free < before;
      const isOfServer = codeOf(fault.cause) === '53100';
      if (!isFull && !isOfServer && !SAID.test(said)) return fault;
      // What fails for want of room while there is some here is the server's.
      const isServers = isElsewhere && isOfServer;
      const disk = isServers ? 'the disk of the server of DATABASE_URL' : `the disk of ${directory}`;
      const parts = isServers ? [] : [`${megabytes(files)} of files`];
      if (rows > 0 && isServers === isElsewhere)
        parts.push(`three times ${megabytes(rows)} of rows (tables, indexes, log)`);
      if (rows > 0 && !isElsewhere) parts.push('100 MB of a new database');
      const got = isServers ? 'less' : megabytes(before);
      return new Fault('FIELDLINE_BACKUP', `${expected(disk, `room for about ${parts.join(' and ')}`, got)}; ${said}`, {
        cause: fault,
      });
    },
  };
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;

function freeOn(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}
