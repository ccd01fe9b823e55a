// The editor of a gateway of its own in a real browser, for tests of dialogs and of the canvas.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type Gateway, type GatewaySettings, makeGateway } from '../../bench/gateway.ts';
import { urlOfCluster } from '../../gateway/postgres-cluster.ts';
import { readJson } from '../../gateway/private-file.ts';
import { openStore, type Store } from '../../src/store/store.ts';

const CHROMIUM = '/usr/bin/chromium';
/** So that a slow machine fails no test: below the time limit of a test, which would not say what was waited for. */
const LONGEST_WAIT_MS = 120_000;
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
  /** A look into the embedded database of the gateway. */
  store: Store;
  /** Errors of scripts in the page, so far. */
  faults: readonly string[];
  /** A further page of the same browser, not yet anywhere. */
  tab(): Promise<Page>;
  /** Opens the dialog of a node, by its id. */
  edit(id: string): Promise<void>;
  /** Cancels it. */
  leave(): Promise<void>;
};
type Opened = Editor & { close(): Promise<void> };

/**
 * Adds the hooks to the suite that calls it: loaded, with the shipped flow. The members are there from then on, in later
 * `before` hooks too. Skips the suite aloud where there is no browser.
 */
export function onEditor(settings: GatewaySettings = {}): Editor {
  let opened: Opened | undefined;
  before(async function () {
    opened = await openEditor(this, settings);
  });
  after(() => opened?.close());
  const editor = () => opened as Opened;
  return {
    get page() {
      return editor().page;
    },
    get gateway() {
      return editor().gateway;
    },
    get store() {
      return editor().store;
    },
    get faults() {
      return editor().faults;
    },
    tab: () => editor().tab(),
    edit: id => editor().edit(id),
    leave: () => editor().leave(),
  };
}

async function openEditor(context: Mocha.Context, settings: GatewaySettings): Promise<Opened> {
  if (!existsSync(CHROMIUM)) {
    console.log(`      skipped: the browser test needs ${CHROMIUM} (Debian package chromium)`);
    return context.skip();
  }
  const gateway = await makeGateway(settings);
  let browser: Browser | undefined;
  let store: Store | undefined;
  const faults: string[] = [];
  const close = async (): Promise<void> => {
    await store?.close();
    await browser?.close();
    await gateway.remove();
  };
  try {
    await gateway.start();
    browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET });
    const cluster = readJson<{ password: string; port: number }>(path.join(gateway.directory, 'database.json'));
    store = openStore({ url: urlOfCluster(cluster!), connections: 1 });
    await withoutTips(gateway.url);
    const tab = async (options: Parameters<Browser['newPage']>[0] = {}): Promise<Page> => {
      const opened = await browser!.newPage(options);
      opened.setDefaultTimeout(LONGEST_WAIT_MS);
      return opened;
    };
    const page = await tab({ viewport: { width: 1400, height: 1000 } });
    page.on('pageerror', error => faults.push(error.stack ?? error.message));
    await page.goto(`${gateway.url}/`);
    await page.waitForSelector('.red-ui-flow-node');
    const name = page.locator('#node-input-name');
    return {
      ...{ page, gateway, store, faults, close, tab: () => tab() },
      async edit(id) {
        await page.evaluate(`RED.editor.edit(RED.nodes.node("${id}"))`);
        await name.waitFor({ state: 'visible' });
        // A moment later the editor takes the focus for the dialog, also from a field that is being typed into.
        await page.waitForFunction('document.activeElement?.closest(".red-ui-tray") != null');
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

/** Node-RED's tips of the day throw where the editor takes more than a second to load. */
async function withoutTips(url: string): Promise<void> {
  const body = JSON.stringify({ editor: { view: { 'view-show-tips': false } } });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/settings/user`, { method: 'POST', headers, body });
  if (!answer.ok) throw new Error(`${url}/settings/user: expected to be changed, got ${answer.status}`);
}
