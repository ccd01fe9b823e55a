// One temporary folder for a whole run of mocha, which requires this: what a worker that is ended early leaves goes with it.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Workers have the folder of the process that started them; only that one removes it. */
const isWorker = process.env['MOCHA_WORKER_ID'] !== undefined;
if (!isWorker) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'fieldline-run-'));
  // PostgreSQL passes through it under another account.
  chmodSync(folder, 0o711);
  process.env['TMPDIR'] = folder;
  process.once('exit', () => {
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // Something that is ended only now still writes there: whoever ends it removes its own.
    }
  });
}
