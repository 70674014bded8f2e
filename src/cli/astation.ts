import type { AstationInfo } from '../session/astation-store.ts';
import { formatTable } from './table.ts';

/** @returns the text to print: a table, or one JSON array */
export function formatAstations(astations: AstationInfo[], { json = false }: { json?: boolean }): string {
  if (json) return JSON.stringify(astations);
  return formatTable(
    ['ASTATION', 'SESSIONS', 'REGISTERED', 'PUBLIC KEY'],
    astations.map(({ astation_id, sessions, registered_at, public_key }) => [
      astation_id,
      String(sessions),
      registered_at.toISOString(),
      `${public_key.slice(0, 18)}…`,
    ]),
  );
}
