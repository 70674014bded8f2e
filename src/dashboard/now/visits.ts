import { useEffect, useState } from 'react';
import { useSession } from '../api/session.tsx';
import { browserStorage } from '../ui/storage.ts';

/** When this browser was last here, and up to when each vault was read. Times are RFC 3339, as the server writes them. */
interface Visits {
  here?: string;
  vaults?: Record<string, string>;
}

/** Vaults whose reading is remembered, those that were read last. */
const MAX_VAULTS = 500;
/** A shorter absence is none: a reload, or a look into a vault. */
const ABSENT_MS = 60_000;

const keyOf = (who: string) => `vault-relay.visits.${who}`;

const load = (who: string): Visits => (browserStorage.get(keyOf(who)) as Visits | undefined) ?? {};

/** Identifies the signed-in user in the stored visits. */
export function useVisitor(): string {
  const { credentials, me } = useSession();
  if (me) return `person ${me.person_id}`;
  return credentials.kind === 'session' ? `client ${credentials.clientId}` : credentials.kind;
}

const toWire = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');

/** @returns when an absence began that has just ended */
function absence(who: string): string | undefined {
  const { here } = load(who);
  return here !== undefined && Date.now() - Date.parse(here) > ABSENT_MS ? here : undefined;
}

/**
 * Keeps when the reader was last here.
 * @returns the time of the visit before this one; undefined for the first
 */
export function useLastVisit(): string | undefined {
  const who = useVisitor();
  const [last, setLast] = useState(() => absence(who));
  useEffect(() => {
    const leave = () => browserStorage.set(keyOf(who), { ...load(who), here: toWire(Date.now()) });
    const listen = () => {
      if (document.visibilityState === 'hidden') leave();
      else setLast((known) => absence(who) ?? known);
    };
    document.addEventListener('visibilitychange', listen);
    return () => {
      document.removeEventListener('visibilitychange', listen);
      leave();
    };
  }, [who]);
  return last;
}

/** @returns up to when each vault was read in this browser */
export function useReadUntil(): Record<string, string> {
  const who = useVisitor();
  const [read] = useState(() => load(who).vaults ?? {});
  return read;
}

/** Keeps that a vault was read up to now. */
export function useMarkRead(vaultId: string): void {
  const who = useVisitor();
  useEffect(() => {
    const mark = () => {
      const { vaults = {}, ...visits } = load(who);
      const others = Object.entries(vaults).filter(([id]) => id !== vaultId);
      const kept = [...others.slice(1 - MAX_VAULTS), [vaultId, toWire(Date.now())]];
      browserStorage.set(keyOf(who), { ...visits, vaults: Object.fromEntries(kept) });
    };
    mark();
    // What arrived while the vault was looked at was read too.
    return mark;
  }, [who, vaultId]);
}
