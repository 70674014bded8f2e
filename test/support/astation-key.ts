import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** The key pair of an Astation, which signs as the released app does. */
export class AstationKey {
  readonly publicKeyHex: string;
  readonly #privateKey: KeyObject;

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
    this.publicKeyHex = Buffer.concat([
      Buffer.from([4]),
      Buffer.from(x, 'base64url'),
      Buffer.from(y, 'base64url'),
    ]).toString('hex');
    this.#privateKey = privateKey;
  }

  /** @returns a DER signature in hexadecimal */
  sign(text: string): string {
    return sign('sha256', Buffer.from(text), { key: this.#privateKey, dsaEncoding: 'der' }).toString('hex');
  }

  /** The frame that answers a challenge. */
  answer(challenge: string, astationId: string) {
    return {
      type: 'relayAuth',
      astation_id: astationId,
      public_key: this.publicKeyHex,
      signature: this.sign(`station-relay-auth-v1\n${challenge}\n${astationId}`),
    };
  }

  /** The body of a signed grant. */
  grant({ id, otp, astationId }: { id: string; otp: string; astationId: string }) {
    return {
      otp,
      astation_id: astationId,
      signature: this.sign(`vault-relay-grant-v1\n${id}\n${otp}\n${astationId}`),
    };
  }
}
