import { Link } from 'wouter';
import { useText } from '../i18n/index.ts';
import { Foreign, Writer } from '../ui/names.tsx';
import { Time } from '../ui/time.tsx';

export interface ListedVault {
  vault_id: string;
  summary: string;
  changed_at?: string | undefined;
  entries?: number | undefined;
  writers?: string[] | undefined;
}

const SHOWN_WRITERS = 3;

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
        {shown.map((name) => (
          <Writer key={name} name={name} />
        ))}
        {hidden.length > 0 && <span title={hidden.join(', ')}>{t.more(hidden.length)}</span>}
      </span>
    </Link>
  );
}
