// Kinds of devices that ble-gatt knows: where they talk, what switches them on, what makes them measure.
import { decodeGlm, glmCharacteristic, glmEnable, glmMeasure, glmService } from '../../src/decoders/laser/bosch-glm.ts';
import {
  decodeDisto,
  distoCharacteristic,
  distoCommands,
  distoDistance,
  distoMeasure,
  distoService,
} from '../../src/decoders/laser/disto.ts';
import type { DecodedFrame } from '../../src/decoders/laser/define.ts';
import {
  decodeGlm100,
  glm100Answers,
  glm100Commands,
  glm100Enable,
  glm100Measure,
  glm100Service,
} from '../../src/decoders/laser/glm100.ts';
import { mtFragments } from '../../src/decoders/laser/mt-fragments.ts';
import { fromHex } from '../../src/kernel/bytes.ts';
import { Fault } from '../../src/kernel/fault.ts';
import type { Target } from '../../src/radio/session.ts';

export type Preset = Target & {
  measure?: Uint8Array;
  /** Tells a measurement from replies; left out: everything is one. */
  decode?: (frame: Uint8Array) => DecodedFrame;
};

const known: Readonly<Record<string, Preset>> = {
  'bosch-glm': {
    service: glmService,
    characteristic: glmCharacteristic,
    enable: glmEnable,
    measure: glmMeasure,
    decode: decodeGlm,
  },
  'bosch-glm-older': {
    service: glm100Service,
    characteristic: glm100Answers,
    commands: glm100Commands,
    enable: glm100Enable,
    measure: glm100Measure,
    framing: mtFragments,
    decode: decodeGlm100,
  },
  'leica-disto': {
    service: distoService,
    characteristic: distoCharacteristic,
    newer: distoDistance,
    commands: distoCommands,
    measure: distoMeasure,
    decode: decodeDisto,
  },
};

/** Settings of a device, as saved or as they stand in the form. */
export type DeviceSettings = Readonly<
  Record<'preset' | 'service' | 'characteristic' | 'commands' | 'enable' | 'measure' | 'how', string>
> & { readSeconds: number };

/** Throws FIELDLINE_SETTING where an own device lacks what it needs. */
export function presetOf(settings: DeviceSettings): Preset {
  const preset = known[settings.preset];
  if (preset !== undefined) return preset;
  const [service, characteristic, commands] = [
    settings.service.trim(),
    settings.characteristic.trim(),
    settings.commands.trim(),
  ];
  if (service === '' || characteristic === '')
    throw new Fault('FIELDLINE_SETTING', 'Kind own: expected service and characteristic, got nothing');
  const enable = fromHex(settings.enable);
  const measure = fromHex(settings.measure);
  return {
    service,
    characteristic,
    ...(settings.how === 'read' ? { readEveryMs: settings.readSeconds * 1000 } : {}),
    ...(commands === '' ? {} : { commands }),
    ...(enable === undefined ? {} : { enable }),
    ...(measure === undefined ? {} : { measure }),
  };
}

/** The kind of a device that was heard, by its services and its name; undefined where none is known. */
export function kindOf(services: readonly string[], name = ''): string | undefined {
  const [kind] = Object.entries(known).find(([, { service }]) => services.includes(service)) ?? [];
  if (kind !== undefined) return kind;
  if (/\bDISTO\b/i.test(name)) return 'leica-disto';
  if (/\b(GLM ?100 ?C|PLR)/i.test(name)) return 'bosch-glm-older';
  return /\bGLM/i.test(name) ? 'bosch-glm' : undefined;
}
