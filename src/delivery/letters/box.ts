// The dead letters of one node on disk, opened with the first of them.
import { type DeadLetterFile, openDeadLetters } from './file.ts';

/** `folder` is opened anew by the next letter where that has failed. */
export function letterBox(folder: string): Pick<DeadLetterFile, 'append' | 'close'> {
  let opened: Promise<DeadLetterFile> | undefined;
  return {
    async append(...letter) {
      opened ??= openDeadLetters(folder).catch((error: unknown) => {
        opened = undefined;
        throw error;
      });
      await (await opened).append(...letter);
    },
    async close() {
      await (await opened?.catch(() => undefined))?.close();
    },
  };
}
