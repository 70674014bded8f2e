import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Caller } from '../../access/policy.ts';
import { hexHashOfSessionId } from '../../access/session-id.ts';
import type { VaultAudit } from '../../audit/vault-audit-store.ts';
import { badRequest, liveCredential, possibleSecret } from '../../errors.ts';
import type { Found } from '../../secrets/found.ts';
import {
  describeSecrets,
  findCredentials,
  findInPortions,
  findSecrets,
  inOrder,
  MAX_SECRETS,
  type Secret,
} from '../../secrets/scan.ts';
import type { SecretScan } from '../../secrets/settings.ts';

export interface SecretRules {
  secretScan: SecretScan;
  /** @param hashes of credentials, in hexadecimal @returns those that are not usable */
  findEnded(hashes: string[]): Promise<string[]>;
}

/** What is about to be written. */
export interface Writing {
  /** As the audit log names it. */
  action: string;
  vaultId?: string | undefined;
  text: string;
  tags?: readonly string[] | undefined;
  /** The reason why it may hold what looks like a secret. */
  allowSecret?: string | undefined;
}

/** A write that may be made. */
export interface Checked {
  /** What looks like a secret in it. */
  secrets: Secret[];
  /** Why it may be there. The audit log gets it with the write. */
  reason?: string;
}

/** Values that one write looks up. A text of the default limit has no more credentials of this server. */
const MAX_LOOKED_UP = 2000;

/** Session ids have small letters. */
const hashOf = ({ kind, value }: Found): string =>
  hexHashOfSessionId(kind === 'session-id' ? value.toLowerCase() : value);

/** Scans a text. Other requests run between two portions of a long one. */
async function scan(text: string, find: (portion: string) => Found[]): Promise<Found[]> {
  const found: Found[] = [];
  let isFirst = true;
  for (const places of findInPortions(text, find)) {
    if (!isFirst) await nextTurn();
    isFirst = false;
    for (const place of places) found.push(place);
  }
  return found;
}

/** What one text may hold. */
interface Places {
  /** What looks like a secret. */
  found: Found[];
  /** What may be a credential of this server. */
  own: Found[];
}

const placesIn = async (text: string): Promise<Places> => ({
  found: await scan(text, findSecrets),
  own: await scan(text, findCredentials),
});

/** @returns what looks like a secret, and the credentials of this server that work */
const secretsAt = ({ found, own }: Places, live: ReadonlySet<Found>): Found[] =>
  inOrder([...found, ...own.filter((place) => live.has(place))], live);

/** No secret has a shorter part that hides something. */
const MIN_HIDDEN = 5;

/** @returns what a secret hides, in small letters: its value without the published beginning, and without the label of a private key */
function hiddenPartOf({ value, shown }: Found): string {
  const hidden =
    value
      .slice(shown.length)
      .split(/\s|\\[nr]/)
      .at(-1) ?? '';
  return (hidden.length < MIN_HIDDEN ? value : hidden).toLowerCase();
}

/** Looks for secrets in what callers write. No answer, log or audit row gets a value. */
export class SecretGuard {
  readonly #audit: VaultAudit;
  readonly #rules: SecretRules;

  constructor(audit: VaultAudit, rules: SecretRules) {
    this.#audit = audit;
    this.#rules = rules;
  }

  /**
   * Scans a write before it is made.
   * @returns what looks like a secret, and the reason where only that lets it pass
   * @throws RelayError `POSSIBLE_SECRET` where the server refuses such writes, `BAD_REQUEST` for a reason that holds one
   */
  async check(caller: Caller, writing: Writing): Promise<Checked> {
    if (this.#rules.secretScan === 'off') return { secrets: [] };
    const { text, tags = [], allowSecret } = writing;
    const inText = await placesIn(text);
    const inTags = await Promise.all(tags.map(placesIn));
    const live = await this.#findLive([inText, ...inTags]);
    const secrets = [
      ...inTags
        .flatMap((places) => secretsAt(places, live))
        .map(({ kind, shown }) => ({ kind, line: 0, masked: `${shown}…` })),
      ...describeSecrets(text, secretsAt(inText, live)),
    ].slice(0, MAX_SECRETS);
    const [first, ...others] = secrets;
    if (this.#rules.secretScan === 'warn' || !first) return { secrets };
    if (live.size > 0) {
      await this.#note(caller, writing, 'live_credential');
      throw liveCredential(secrets);
    }
    if (allowSecret === undefined) {
      await this.#note(caller, writing, 'possible_secret');
      throw possibleSecret([first, ...others]);
    }
    await this.#checkReason(allowSecret, [inText, ...inTags]);
    return { secrets, reason: allowSecret };
  }

  /** @throws RelayError `BAD_REQUEST` for a reason that holds a secret, or repeats one of the texts */
  async #checkReason(reason: string, texts: readonly Places[]): Promise<void> {
    const places = await placesIn(reason);
    const folded = reason.toLowerCase();
    const repeats = () =>
      texts.some(({ found }) => found.some((place) => folded.includes(hiddenPartOf(place))));
    if (places.found.length > 0 || repeats() || (await this.#findLive([places])).size > 0)
      throw badRequest('Field allow_secret holds what looks like a secret; give the reason without it.');
  }

  /** @returns the places of credentials that work */
  async #findLive(texts: readonly Places[]): Promise<Set<Found>> {
    const byHash = new Map<string, Found[]>();
    // Other secrets must not use up the look-ups.
    for (const place of [...texts.flatMap(({ own }) => own), ...texts.flatMap(({ found }) => found)]) {
      const hash = hashOf(place);
      const same = byHash.get(hash);
      if (same) same.push(place);
      else if (byHash.size < MAX_LOOKED_UP) byHash.set(hash, [place]);
    }
    if (byHash.size === 0) return new Set();
    for (const ended of await this.#rules.findEnded([...byHash.keys()])) byHash.delete(ended);
    return new Set([...byHash.values()].flat());
  }

  #note(caller: Caller, { action, vaultId }: Writing, outcome: string): Promise<void> {
    return this.#audit.noteRefusals(caller, vaultId, [{ action, outcome }]);
  }
}
