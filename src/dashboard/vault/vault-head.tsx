import { Link } from 'wouter';
import { addressOf, openSheet } from '../address.ts';
import { useSession } from '../api/session.tsx';
import { useText } from '../i18n/index.ts';
import { Button, IconButton } from '../ui/button.tsx';
import { copyText } from '../ui/copy.ts';
import { Icon } from '../ui/icons.tsx';
import { Time } from '../ui/time.tsx';
import { useMeta } from './queries.ts';
import { Summary } from './summary.tsx';

export type Tab = 'entries' | 'timeline' | 'proof';

/** The address of a vault's page. */
export const pathOf = (vaultId: string, ...rest: string[]): string =>
  ['/v', encodeURIComponent(vaultId), ...rest].join('/');

interface VaultHeadProps {
  vaultId: string;
  tab: Tab;
  /** Whether the person may write into the vault; undefined until it is known. */
  own: boolean | undefined;
}

/** What the vault is, and the ways to look at it. It keeps its height while it loads. */
export function VaultHead({ vaultId, tab, own }: VaultHeadProps) {
  const t = useText();
  const { readOnly } = useSession();
  const { data: meta } = useMeta(vaultId);
  const tabs: [Tab, string, string][] = [
    ['entries', t.vault.entries, pathOf(vaultId)],
    ['timeline', t.vault.timeline, pathOf(vaultId, 'timeline')],
    ['proof', t.vault.proof, pathOf(vaultId, 'proof')],
  ];
  return (
    <div className="vault-head">
      <div className="vault-top">
        <Link href={addressOf('/')} className="back">
          <Icon name="back" size={16} />
          {t.vault.back}
        </Link>
        {(own || readOnly) && (
          <Button look="quiet" icon="link" onClick={() => openSheet('connect')}>
            {t.connect}
          </Button>
        )}
      </div>
      {meta ? (
        <Summary
          vaultId={vaultId}
          summary={meta.summary}
          version={meta.summary_version}
          writable={own ?? false}
        />
      ) : (
        <div className="summary" />
      )}
      <p className="vault-facts">
        <span className="vault-id">
          <span className="mono">{vaultId}</span>
          <IconButton icon="copy" label={`${t.copy} ${vaultId}`} onClick={() => void copyText(vaultId, t)} />
        </span>
        {own === false && !readOnly && <span className="badge">{t.vault.foreign}</span>}
        {meta && (
          <>
            <span>{t.vaults.entries(meta.entries)}</span>
            <span>{t.vault.versions(meta.versions)}</span>
            <Time at={meta.changed_at} />
          </>
        )}
      </p>
      <nav className="tabs" aria-label={meta?.summary || vaultId}>
        {tabs.map(([name, title, path]) => (
          <Link
            key={name}
            href={addressOf(path)}
            className="tab"
            aria-current={name === tab ? 'page' : undefined}
          >
            {title}
          </Link>
        ))}
      </nav>
    </div>
  );
}
