import { randomBytes, randomInt } from 'node:crypto';
import {
  type LiveCredential,
  PERSON_PREFIX,
  PERSON_SCOPES,
  type PersonCredential,
  type PersonInfo,
  type Role,
} from '../access/credential.ts';
import { fingerprint, hashSessionId } from '../access/session-id.ts';
import { type Source, sourceColumns } from '../access/source.ts';
import type { Database } from '../db/client.ts';
import { unauthorized } from '../errors.ts';
import type { Me } from './schema.ts';
import {
  CREATE_CODE,
  RENAME,
  SIGN_IN,
  SIGN_IN_WITH_SESSION,
  SIGN_OUT,
  SWEEP_PEOPLE,
  USE_PERSON,
} from './sql.ts';

/** What a link signs somebody in as. */
export interface Invitation {
  /** Undefined: an operator. */
  workSessionId?: string | undefined;
  name?: string | undefined;
}

/** Who signs in, besides the proof. */
export interface SigningIn {
  name: string | undefined;
  /** The person whose cookie the page carries. The person stays the same, and the new session replaces that one. */
  former: PersonCredential | undefined;
  from: Source;
}

export interface SignedIn {
  /** For the cookie. */
  secret: string;
  me: Me;
  /** Hashes (hexadecimal) of the sessions that this one replaced. */
  ended: string[];
}

interface PersonRow {
  person_id: string;
  person_name: string | null;
  role: Role;
  astation_id: string | null;
}

const ID_DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';
const makePersonId = () => Array.from({ length: 12 }, () => ID_DIGITS[randomInt(ID_DIGITS.length)]).join('');

/** A person who was not asked for a name acts under this client id. */
const clientIdOf = ({ id, name }: PersonInfo): string => name ?? `person-${id}`;

const toMe = (row: PersonRow): Me => ({
  person_id: row.person_id,
  name: row.person_name,
  role: row.role,
  work_session_id: row.astation_id,
});

/** People who sign in at the dashboard. Codes and secrets are stored by their SHA-256. */
export class PeopleStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Makes a code that signs one person in, once, within ten minutes. @returns the code */
  async invite({ workSessionId, name }: Invitation): Promise<string> {
    const code = randomBytes(24).toString('base64url');
    const role: Role = workSessionId === undefined ? 'operator' : 'member';
    await this.#db.change(CREATE_CODE, hashSessionId(code), role, workSessionId ?? null, name ?? null);
    return code;
  }

  /** Looks the secret of a cookie up, and extends its life. @returns undefined unless the person is signed in */
  async use(secret: string): Promise<LiveCredential | undefined> {
    type Row = PersonRow & { remaining_ms: number; renewed: boolean };
    const [row] = await this.#db.rows<Row>(USE_PERSON, hashSessionId(secret));
    if (!row) return undefined;
    const person = { id: row.person_id, name: row.person_name, role: row.role };
    return {
      kind: 'person',
      workSessionId: row.astation_id,
      remainingMs: row.remaining_ms,
      author: `person:${person.id}`,
      clientId: clientIdOf(person),
      scopes: PERSON_SCOPES,
      person,
      renewed: row.renewed,
    };
  }

  /** Signs a person in by the code of a link. @throws RelayError `UNAUTHORIZED` */
  async signIn(code: string, signingIn: SigningIn): Promise<SignedIn> {
    const signedIn = await this.#signIn(SIGN_IN, code, signingIn);
    if (signedIn) return signedIn;
    throw unauthorized(
      'This sign-in link was used already, or has expired; print another with "vault-relay open".',
    );
  }

  /** Signs a person in by a session that is granted and bound to an Astation. @throws RelayError `UNAUTHORIZED` */
  async signInWithSession(session: string, signingIn: SigningIn): Promise<SignedIn> {
    const signedIn = await this.#signIn(SIGN_IN_WITH_SESSION, session, signingIn);
    if (signedIn) return signedIn;
    throw unauthorized(
      'This session is unknown, expired, denied, revoked, or not bound to an Astation, or too many people use it.',
    );
  }

  async #signIn(
    statement: string,
    proof: string,
    { name, former, from }: SigningIn,
  ): Promise<SignedIn | undefined> {
    const secret = PERSON_PREFIX + randomBytes(32).toString('base64url');
    const [row] = await this.#db.change<PersonRow & { ended: string[] }>(
      statement,
      hashSessionId(proof),
      hashSessionId(secret),
      former?.person.id ?? makePersonId(),
      name ?? null,
      former ? Buffer.from(former.idHash, 'hex') : null,
      ...sourceColumns(from),
    );
    return row && { secret, me: toMe(row), ended: row.ended };
  }

  async rename({ person, idHash, workSessionId }: PersonCredential, name: string, from: Source): Promise<Me> {
    await this.#db.change(
      RENAME,
      person.id,
      name,
      fingerprint(idHash),
      workSessionId,
      ...sourceColumns(from),
    );
    return { person_id: person.id, name, role: person.role, work_session_id: workSessionId };
  }

  /** @returns the hashes (hexadecimal) of the sessions that ended */
  async signOut({ person, idHash }: PersonCredential, everywhere: boolean, from: Source): Promise<string[]> {
    const rows = await this.#db.change<{ hash: string }>(
      SIGN_OUT,
      person.id,
      everywhere ? null : Buffer.from(idHash, 'hex'),
      ...sourceColumns(from),
    );
    return rows.map(({ hash }) => hash);
  }

  /** Removes links and sessions of people whose time is up. */
  async sweep(): Promise<void> {
    await this.#db.rows(SWEEP_PEOPLE);
  }
}
