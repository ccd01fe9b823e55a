// advert-decode: turns Bluetooth adverts into readings with the shipped decoders and those of a folder.
import { advertsOf } from '../../src/decoders/advert-members.ts';
import { lastFrames } from '../../src/decoders/decode-now.ts';
import { keysOf, outputOf, type Sorted, sortMembers } from '../../src/decoders/members.ts';
import { replayGuard } from '../../src/decoders/replay-guard.ts';
import { leftOut, openUserDecoders } from '../../src/decoders/user-folder.ts';
import { Fault } from '../../src/kernel/fault.ts';
import { defineNode } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { quantity } from '../../src/reading/quantity.ts';
import { receivedAtOf } from '../../src/reading/received.ts';
import type { Database } from '../../src/store/database.ts';
import { standing } from '../../src/stream/standing.ts';
import { deployed, folderOf, registerDecodeNow } from './decode-now.ts';
import { type Offers, openOffers } from './offers.ts';

/** Thousands of adverts a second change the figures; nobody reads them faster. */
const STATUS_MS = 1000;

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
    /** Why something was turned away since the status was shown. */
    let reason: string | undefined;
    let stale = false;
    const line = standing();
    const frames = lastFrames();
    const folder = folderOf(settings.folder, host.directory);
    const decoders = await openUserDecoders(folder, () => {
      for (const why of decoders.faults().values()) host.log('warn', why);
      offers?.scanned();
      show();
    });
    deployed.set(host.id, { folder, decoders, frames });
    const store = host.config<Database>('store');
    const offers = store && openOffers({ store, folder, decoders, keys, onOffer: show, log: host.log });
    if (offers !== undefined) offering.set(host.id, offers);

    function show(): void {
      const broken = leftOut(decoders.faults());
      const figures = `${quantity(passed, 'reading')}, ${turnedAway} rejected`;
      const words = line(figures, reason);
      reason = undefined;
      // A reason goes away by itself after a while.
      stale = words[1] !== figures;
      if (broken !== undefined) host.status('red', broken);
      else if (offers?.words() !== undefined) host.status('blue', `${figures}; ${offers.words()}`);
      else host.status(...words);
    }
    function tally({ readings, refused }: Sorted): void {
      passed += readings.length;
      turnedAway += refused.length;
      const repaired = readings.filter(({ metadata }) => metadata.repaired !== undefined).length;
      if (repaired > 0) host.count('fieldline_repaired_readings_total', repaired);
      for (const { label } of refused) host.count('fieldline_rejected_total', 1, { reason: label });
      reason = refused[0]?.reason ?? reason;
      stale = true;
    }
    const clockwork = setInterval(() => stale && show(), STATUS_MS);
    for (const why of decoders.faults().values()) host.log('warn', why);
    show();

    return {
      input(message, send, done) {
        frames.keep(message.payload);
        const context = { registry: decoders.registry(), keys, guard, now: receivedAtOf(message) };
        const sorted = sortMembers(message.payload, member => advertsOf(member, context));
        tally(sorted);
        send(outputOf(message, sorted));
        done();
      },
      close() {
        clearInterval(clockwork);
        deployed.delete(host.id);
        offering.delete(host.id);
        offers?.close();
        decoders.close();
      },
    };
  },
});

export default nodeRed(definition);
