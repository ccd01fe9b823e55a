// advert-decode: turns Bluetooth adverts into readings with the shipped decoders and those of a folder.
import { advertsOf } from '../../src/decoders/advert-members.ts';
import { lastFrames } from '../../src/decoders/decode-now.ts';
import { keysOf, outputOf, type Sorted, sortMembers } from '../../src/decoders/members.ts';
import { replayGuard } from '../../src/decoders/replay-guard.ts';
import { openUserDecoders } from '../../src/decoders/user-folder.ts';
import { Fault } from '../../src/kernel/fault.ts';
import { defineNode } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { quantity } from '../../src/reading/quantity.ts';
import type { Database } from '../../src/store/database.ts';
import { deployed, folderOf, registerDecodeNow } from './decode-now.ts';
import { type Offers, openOffers } from './offers.ts';

/** What the nodes that run offer to replay, for the button. */
const offering = new Map<string, Offers>();

export const definition = defineNode({
  type: 'fieldline-advert-decode',
  family: 'decode',
  icon: 'font-awesome/fa-barcode',
  summary: 'Turns Bluetooth adverts into readings; your own decoders are picked up from a folder while it runs.',
  input: 'adverts',
  outputs: ['readings', 'rejected'],
  button: 'fieldline/advert-decode/replay',
  fields: {
    folder: {
      kind: 'text',
      label: 'Decoder folder',
      help: 'Folder of your own decoders; empty means fieldline/decoders in the data directory.',
      initial: '',
      optional: true,
    },
    keys: {
      kind: 'secret',
      label: 'Device keys',
      help: 'Keys of encrypted devices as address=hex, separated by blanks or commas.',
      initial: '',
    },
    store: {
      kind: 'config',
      label: 'Archive',
      help: 'Database with the raw archive: what a new decoder knows of it is counted there and offered for replay.',
      initial: '',
      optional: true,
      of: 'fieldline-timescale-db',
    },
  },
  admin(admin) {
    // Body: `{ node }`; starts the replay that the node offers.
    admin.act('fieldline/advert-decode/replay', async ({ body }) => {
      const offers = offering.get(String((body as { node?: unknown } | undefined)?.node));
      if (offers === undefined) throw new Error('advert-decode: expected a deployed node with an archive, got none');
      return { says: await offers.accept('editor') };
    });
    registerDecodeNow(admin);
  },
  async start(settings, host) {
    const { keys, fault } = keysOf(host.secret('keys'));
    if (fault !== undefined) throw new Fault('FIELDLINE_SETTING', fault);
    const guard = replayGuard();
    let passed = 0;
    let turnedAway = 0;
    let lastReason = '';
    const frames = lastFrames();
    const folder = folderOf(settings.folder, host.directory);
    const decoders = await openUserDecoders(folder, () => {
      for (const why of decoders.faults().values()) host.log('warn', why);
      offers?.scanned();
      show();
    });
    deployed.set(host.id, { folder, decoders, frames });
    const store = host.config<Database>('store');
    const offers = store && openOffers({ store, decoders, onOffer: show, log: host.log });
    if (offers !== undefined) offering.set(host.id, offers);

    function show(): void {
      const [broken] = decoders.faults().values();
      const text = `${quantity(passed, 'reading')}, ${turnedAway} rejected`;
      if (broken !== undefined) host.status('red', `decoder file left out: ${broken}`);
      else if (offers?.words() !== undefined) host.status('blue', `${text}; ${offers.words()}`);
      else if (lastReason !== '') host.status('yellow', `${text}: ${lastReason}`);
      else host.status('green', text);
    }
    function tally({ readings, refused }: Sorted): void {
      passed += readings.length;
      turnedAway += refused.length;
      for (const { label } of refused) host.count('fieldline_rejected_total', 1, { reason: label });
      lastReason = refused[0]?.reason ?? '';
      show();
    }
    for (const why of decoders.faults().values()) host.log('warn', why);
    show();

    return {
      input(message, send, done) {
        frames.keep(message.payload);
        const context = { registry: decoders.registry(), keys, guard, now: Date.now() };
        const sorted = sortMembers(message.payload, member => advertsOf(member, context));
        tally(sorted);
        send(outputOf(message, sorted));
        done();
      },
      close() {
        deployed.delete(host.id);
        offering.delete(host.id);
        offers?.close();
        decoders.close();
      },
    };
  },
});

export default nodeRed(definition);
