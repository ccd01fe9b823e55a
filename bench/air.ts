// Adverts at a rate from an emulated controller, in a process of its own: started with the rate and the number of devices,
// whose addresses change one by one, a tenth of them each second; prints the port, then each second what was sent.
import { adStructures, resolvableAddress } from '../sim/controller/air.ts';
import { emulatedController } from '../sim/controller/controller.ts';
import { glmMeter } from '../sim/controller/meters.ts';

const [rate = 0, devices = 300] = process.argv.slice(2).map(Number);
const TICK_MS = 10;
const controller = await emulatedController();
const meter = glmMeter({ address: '00:13:43:A1:B2:C3' });
controller.air.add(meter.advertiser);
const data = adStructures([0x01, Buffer.of(0x06)], [0x16, Buffer.from('d2fc4002ca09', 'hex')]);
const addresses = Array.from({ length: devices }, resolvableAddress);
const startedAt = performance.now();
let sent = 0;
let rotated = 0;
let oldest = 0;

setInterval(() => {
  const seconds = (performance.now() - startedAt) / 1000;
  for (const due = Math.floor(seconds * rate); sent < due; sent++)
    controller.air.send({
      address: addresses[sent % devices]!,
      random: true,
      data,
      scanResponse: undefined,
      connectable: false,
      extended: false,
      rssi: -60,
    });
  for (const due = Math.floor((seconds * devices) / 10); rotated < due; rotated++) {
    addresses[oldest] = resolvableAddress();
    oldest = (oldest + 1) % devices;
  }
}, TICK_MS);
console.log(JSON.stringify({ port: controller.port }));
setInterval(() => console.log(JSON.stringify({ reported: controller.reported })), 1000);
process.on('disconnect', () => process.exit());
// A measurement whenever the parent presses the button, with the moment in the fraction of its millimetres.
process.on('message', () => meter.measure(1 + ((Date.now() % 100_000) + 1) / 100_000));
