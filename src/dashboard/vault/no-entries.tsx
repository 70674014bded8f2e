import { serverUrl } from '../api/connection.ts';
import { useText } from '../i18n/index.ts';
import { Command } from '../ui/command.tsx';
import { Icon } from '../ui/icons.tsx';

/** A vault in which nothing is written: the command that writes the first entry. */
export function NoEntries({ vaultId, writable }: { vaultId: string; writable: boolean }) {
  const { vault: t } = useText();
  const url = `${serverUrl('api/vault/')}${encodeURIComponent(vaultId)}?id=agent-a`;
  const command = `curl -H "Authorization: session $S" -H 'content-type: application/json' \\
  -d '{"text":"decided: JWT in a cookie"}' '${url}'`;
  return (
    <div className="card empty">
      <span className="empty-mark">
        <Icon name="pencil" size={24} />
      </span>
      <h2>{t.emptyTitle}</h2>
      <p>{t.emptyText}</p>
      <Command>{command}</Command>
      {writable && <p>{t.emptyOr}</p>}
    </div>
  );
}
