// Hints for certificates that TLS refuses: the same for each peer but for its name and the place where trust is set.

/**
 * What to do, by the code of the error. `peer`: what the other end is called. `trust`: how to make a certificate known
 * that is right, as the rest of a sentence.
 */
export function certificateHints({ peer, trust }: { peer: string; trust: string }): Readonly<Record<string, string>> {
  const unknown = `if the certificate is right, ${trust}`;
  return {
    DEPTH_ZERO_SELF_SIGNED_CERT: unknown,
    SELF_SIGNED_CERT_IN_CHAIN: unknown,
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknown,
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknown,
    CERT_HAS_EXPIRED: `the ${peer} needs a new certificate, or this machine the right time`,
    CERT_NOT_YET_VALID: `look at the time of this machine and of the ${peer}`,
    ERR_TLS_CERT_ALTNAME_INVALID: 'use a name that is in the certificate',
  };
}
