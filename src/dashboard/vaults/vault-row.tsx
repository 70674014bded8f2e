import { Link } from 'wouter';
import { useText } from '../i18n/index.ts';
import { showReordering } from '../text/bidi.ts';
import { Foreign, Writer, WriterColours } from '../ui/names.tsx';
import { Time } from '../ui/time.tsx';
import type { ListedVault } from './queries.ts';

const SHOWN_WRITERS = 3;
/** Writers that are named when the pointer rests on the number of the others. */
const NAMED_WRITERS = 20;

/** A vault in the list. */
export function VaultRow({ vault }: { vault: ListedVault }) {
  const { vaults: t } = useText();
  const { vault_id, summary, changed_at, entries = 0, writers = [] } = vault;
  const [shown, hidden] = [writers.slice(-SHOWN_WRITERS), writers.slice(0, -SHOWN_WRITERS)];
  return (
    <Link href={`/v/${encodeURIComponent(vault_id)}`} className="vault-row">
      <span className={summary ? 'vault-name' : 'vault-name unnamed'}>
        <Foreign>{summary || t.untitled}</Foreign>
      </span>
      {changed_at && <Time at={changed_at} />}
      <span className="vault-facts">
        <span className="mono">{vault_id}</span>
        <span>{t.entries(entries)}</span>
        <WriterColours names={writers}>
          {shown.map((name) => (
            <Writer key={name} name={name} />
          ))}
        </WriterColours>
        {hidden.length > 0 && (
          <span title={hidden.slice(-NAMED_WRITERS).map(showReordering).join(', ')}>
            {t.more(hidden.length)}
          </span>
        )}
      </span>
    </Link>
  );
}
