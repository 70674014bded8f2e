import { describeSecrets, findSecrets, type Secret } from '../../secrets/scan.ts';

/** @returns what looks like a secret in a text, by the rules of the server */
export const secretsIn = (text: string): Secret[] => describeSecrets(text, findSecrets(text));
