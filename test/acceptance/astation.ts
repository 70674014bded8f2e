import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type Frame, Socket } from './socket.ts';

const hexOf = (base64url: string | undefined) => Buffer.from(base64url ?? '', 'base64url').toString('hex');

/** An Astation with a key of its own, connected to its identity room and verified. */
export class Astation {
  readonly id: string;
  readonly socket: Socket;
  readonly #privateKey: KeyObject;

  private constructor(id: string, socket: Socket, privateKey: KeyObject) {
    this.id = id;
    this.socket = socket;
    this.#privateKey = privateKey;
  }

  /** Connects and proves a fresh key, which the relay registers. @throws AssertionError */
  static async connect(base: string, id: string): Promise<Astation> {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { x, y } = publicKey.export({ format: 'jwk' });
    const socket = await Socket.open(base, { role: 'astation', code: id });
    const { challenge, protocol } = await socket.next((frame) => frame.type === 'relayAuthChallenge');
    assert.equal(protocol, 'relay-auth-1');
    const astation = new Astation(id, socket, privateKey);
    socket.send({
      type: 'relayAuth',
      astation_id: id,
      public_key: `04${hexOf(x)}${hexOf(y)}`,
      signature: astation.sign(`station-relay-auth-v1\n${challenge}\n${id}`),
    });
    const result = await socket.next((frame) => frame.type === 'relayAuthResult');
    assert.equal(result.status, 'registered');
    return astation;
  }

  /** DER ECDSA over SHA-256, hexadecimal. */
  sign(text: string): string {
    return sign('sha256', Buffer.from(text), this.#privateKey).toString('hex');
  }

  /** Sends a control frame. @throws AssertionError unless it is acknowledged */
  async ask(frame: Frame & { type: string }): Promise<Frame> {
    this.socket.send(frame);
    const ack = await this.socket.next(({ type, for: what }) => type === 'relayAck' && what === frame.type);
    assert.equal(ack.ok, true, String(ack.message));
    return ack;
  }
}
