/** The statements about which sessions are bound to which Astation. `$1` is the Astation. */

import { audited } from '../audit/session-rows.ts';
import { LIFETIME, MAX_BOUND_SESSIONS } from './schema.ts';

/** A binding with this much life left is not refreshed, so that a repeated set of sessions changes no row. */
const FRESH = `interval '6 days 23 hours'`;

/**
 * Counts the effects of binding the sessions with the hashes `$2`: `changes` would be bound or refreshed, `refused` would
 * not. `pending` are the refused ones without a decision. `surplus` are bound sessions that are not in the set.
 */
export const LOOK_AT_BINDINGS = `
  SELECT
    count(*) FILTER (WHERE s.id_hash IS NULL OR (
      s.kind = 'session' AND s.status = 'granted' AND (s.astation_id IS NULL OR s.astation_id = $1 AND s.expires_at <= now() + ${FRESH})
    ))::int AS changes,
    count(*) FILTER (WHERE s.kind <> 'session' OR s.status <> 'granted' OR s.astation_id <> $1)::int AS refused,
    count(*) FILTER (WHERE s.status = 'pending')::int AS pending,
    (SELECT count(*) FROM sessions WHERE kind = 'session' AND astation_id = $1)::int
      - count(*) FILTER (WHERE s.kind = 'session' AND s.astation_id = $1)::int AS surplus
  FROM unnest($2::bytea[]) AS wanted (id_hash) LEFT JOIN sessions AS s ON s.id_hash = wanted.id_hash`;

/** `$2` hashes, `$3` whether the bindings become exactly these, `$4` request id, `$5` address. */
export const BIND = `
  SELECT outcome, bound, ARRAY(SELECT hash FROM announce_ended(dropped)) AS dropped
  FROM bind_sessions($1, $2::bytea[], $3::boolean, ${LIFETIME}, ${FRESH}, ${MAX_BOUND_SESSIONS}, $4, $5)`;

/** `$2` hash, `$3` request id, `$4` address. */
export const UNBIND = `
  WITH dropped AS (
    UPDATE sessions SET astation_id = NULL WHERE id_hash = $2 AND kind = 'session' AND astation_id = $1
    RETURNING id_hash, $1 AS astation_id
  ), ${audited('dropped', { action: 'session_unbind', request: '$3', address: '$4' })}
  SELECT hash FROM announce_ended(ARRAY(SELECT id_hash FROM dropped))`;
