// The editor of a gateway of its own in a real browser, for tests of dialogs and of the canvas.
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type Gateway, type GatewaySettings, makeGateway } from '../../bench/gateway.ts';

const CHROMIUM = '/usr/bin/chromium';
// A closed network must not be asked for updates, many at a time.
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export type Editor = {
  page: Page;
  gateway: Gateway;
  /** Errors of scripts in the page, so far. */
  faults: readonly string[];
  /** Opens the dialog of a node, by its id. */
  edit(id: string): Promise<void>;
  /** Cancels it. */
  leave(): Promise<void>;
  close(): Promise<void>;
};

/** Loaded, with the shipped flow. Skips the suite aloud where there is no browser. */
export async function openEditor(context: Mocha.Context, settings: GatewaySettings = {}): Promise<Editor> {
  context.timeout(180_000);
  if (!existsSync(CHROMIUM)) {
    console.log(`      skipped: the browser test needs ${CHROMIUM} (Debian package chromium)`);
    return context.skip();
  }
  const gateway = await makeGateway(settings);
  let browser: Browser | undefined;
  const faults: string[] = [];
  const close = async (): Promise<void> => {
    await browser?.close();
    await gateway.remove();
  };
  try {
    await gateway.start();
    browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET });
    const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
    page.on('pageerror', error => faults.push(error.message));
    await page.goto(`${gateway.url}/`);
    await page.waitForSelector('.red-ui-flow-node', { timeout: 60_000 });
    const name = page.locator('#node-input-name');
    return {
      ...{ page, gateway, faults, close },
      async edit(id) {
        await page.evaluate(`RED.editor.edit(RED.nodes.node("${id}"))`);
        await name.waitFor({ state: 'visible' });
      },
      async leave() {
        await page.locator('#node-dialog-cancel').click();
        await name.waitFor({ state: 'detached' });
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
