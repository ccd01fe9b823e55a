// One link of the child: GATT operations over noble, each with a time limit, all of them ended when the link ends.
import { expected, reasonOf } from '../kernel/fault.ts';
import type { GattService } from '../reading/radio.ts';
import type { CharacteristicName } from './child-messages.ts';
import type { NobleCharacteristic, NoblePeripheral, NobleService } from './noble.ts';
import { uuidKey, uuidText } from './uuid.ts';

export type ChildLink = {
  services(): Promise<GattService[]>;
  subscribe(name: CharacteristicName, onData: (bytes: Uint8Array) => void): Promise<void>;
  write(name: CharacteristicName, bytes: Uint8Array, withResponse: boolean): Promise<void>;
  read(name: CharacteristicName): Promise<Uint8Array>;
  /** The device refused the request that is waiting; noble would not say so. */
  refused(reason: string): void;
  /** The link has ended: whatever waits is rejected with the reason. */
  end(reason: string): void;
};

export type ChildLinkOptions = {
  peripheral: NoblePeripheral;
  operationMs: number;
  /** An operation was not answered: by the specification (Vol 3 Part F §3.3.3) this link can carry no more. */
  onUnanswered: (reason: string) => void;
};

export function childLink({ peripheral, operationMs, onUnanswered }: ChildLinkOptions): ChildLink {
  const waiting = new Set<(reason: Error) => void>();
  const known = new Map<string, NobleCharacteristic>();
  let ended: string | undefined;

  /** noble calls back when all is well, and never when it is not. */
  function within<T>(what: string, begin: (done: (value: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (ended !== undefined) return reject(new Error(ended));
      const settle = (): void => {
        clearTimeout(timer);
        waiting.delete(fail);
      };
      const fail = (reason: Error): void => {
        settle();
        reject(reason);
      };
      const timer = setTimeout(() => {
        const reason = `${what} was not answered within ${operationMs / 1000} s`;
        fail(new Error(reason));
        onUnanswered(reason);
      }, operationMs);
      waiting.add(fail);
      try {
        begin(value => {
          settle();
          resolve(value);
        });
      } catch (error) {
        fail(new Error(`${what}: ${reasonOf(error)}`));
      }
    });
  }

  async function find({ service, characteristic }: CharacteristicName): Promise<NobleCharacteristic> {
    const key = `${uuidKey(service)}/${uuidKey(characteristic)}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const owner = named(await findServices(), service, 'service');
    const found = named(await findCharacteristics(owner), characteristic, 'characteristic');
    known.set(key, found);
    return found;
  }

  // Asked once: noble makes new objects each time, and answers go to the last ones alone.
  let services: Promise<readonly NobleService[]> | undefined;
  const characteristics = new Map<NobleService, Promise<readonly NobleCharacteristic[]>>();
  function findServices(): Promise<readonly NobleService[]> {
    services ??= within<void>('finding the services', done => peripheral.discoverServices([], () => done())).then(
      () => peripheral.services ?? [],
    );
    return services;
  }
  function findCharacteristics(owner: NobleService): Promise<readonly NobleCharacteristic[]> {
    const before = characteristics.get(owner);
    if (before !== undefined) return before;
    const found = within<void>('finding the characteristics', done =>
      owner.discoverCharacteristics([], () => done()),
    ).then(() => owner.characteristics ?? []);
    characteristics.set(owner, found);
    return found;
  }

  return {
    async services() {
      const offered: GattService[] = [];
      for (const one of await findServices()) {
        const found = await findCharacteristics(one);
        offered.push({
          uuid: uuidText(one.uuid),
          characteristics: found.map(({ uuid, properties }) => ({ uuid: uuidText(uuid), properties })),
        });
      }
      return offered;
    },
    async subscribe(name, onData) {
      const characteristic = await find(name);
      mustNotify(characteristic);
      characteristic.on('data', (data: Buffer, isNotification: boolean) => {
        if (isNotification) onData(new Uint8Array(data));
      });
      await within<void>('the subscription', done => characteristic.subscribe(() => done()));
    },
    async write(name, bytes, withResponse) {
      const characteristic = await find(name);
      // Some devices say nothing of what they can: then the device itself answers.
      const { properties } = characteristic;
      const silent = !withResponse || (properties.includes('writeWithoutResponse') && !properties.includes('write'));
      await within<void>('the write', done => characteristic.write(Buffer.from(bytes), silent, () => done()));
    },
    async read(name) {
      const characteristic = await find(name);
      return new Uint8Array(await within<Buffer>('the read', done => characteristic.read((_none, data) => done(data))));
    },
    refused(reason) {
      // A link carries one request at a time: the oldest.
      const [fail] = waiting;
      fail?.(new Error(reason));
    },
    end(reason) {
      ended = reason;
      for (const fail of [...waiting]) fail(new Error(reason));
    },
  };
}

function named<T extends NobleService | NobleCharacteristic>(all: readonly T[], uuid: string, what: string): T {
  const key = uuidKey(uuid);
  const found = all.find(one => uuidKey(one.uuid) === key);
  if (found !== undefined) return found;
  throw new Error(expected(what, uuid, all.map(one => one.uuid).join(', ') || 'none'));
}

/** noble would ask for neither, and wait for ever. */
function mustNotify({ uuid, properties }: NobleCharacteristic): void {
  if (!properties.includes('notify') && !properties.includes('indicate'))
    throw new Error(
      expected(`characteristic ${uuidText(uuid)}`, 'notify or indicate', properties.join(', ') || 'nothing'),
    );
}
