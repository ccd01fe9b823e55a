// AES-128-CCM as BLE sensors use it: short tag, 12 or 13 byte nonce (RFC 3610).
import { createDecipheriv } from 'node:crypto';

export type Sealed = {
  key: Uint8Array;
  nonce: Uint8Array;
  ciphertext: Uint8Array;
  tag: Uint8Array;
  /** Authenticated but not encrypted. */
  associated?: Uint8Array;
};

/** The plain bytes, or undefined when key, nonce or frame do not belong together. */
export function openSealed({ key, nonce, ciphertext, tag, associated }: Sealed): Uint8Array | undefined {
  try {
    const decipher = createDecipheriv('aes-128-ccm', key, nonce, { authTagLength: tag.length });
    decipher.setAuthTag(tag);
    if (associated !== undefined) decipher.setAAD(associated, { plaintextLength: ciphertext.length });
    const plain = decipher.update(ciphertext);
    decipher.final();
    return plain;
  } catch {
    return undefined;
  }
}
