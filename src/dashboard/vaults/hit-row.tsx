import { Link } from 'wouter';
import { useText } from '../i18n/index.ts';
import { Marked } from '../ui/marked.tsx';
import { Foreign, Label, Writer } from '../ui/names.tsx';
import { Time } from '../ui/time.tsx';
import type { Hit } from './hit-queries.ts';

/** Where a hit is shown: the entry at this version, or the vault, whose summary has a history too. */
function placeOf({ vault_id, kind, entry_no, version, current }: Hit): string {
  const vault = `/v/${encodeURIComponent(vault_id)}`;
  if (kind === 'content') return `${vault}/e${entry_no}/v${version}`;
  return current ? vault : `${vault}?sheet=history-0-${version}`;
}

/** A hit of a search: the vault, what was found, and who wrote it when. */
export function HitRow({ hit }: { hit: Hit }) {
  const { vaults: t } = useText();
  const { summary, kind, entry_no, version, current, writer_id, created_at, snippet, matches } = hit;
  return (
    <Link href={placeOf(hit)} className="vault-row">
      <span className={summary ? 'vault-name' : 'vault-name unnamed'}>
        <Foreign>{summary || t.untitled}</Foreign>
      </span>
      <Time at={created_at} />
      <span className="hit-text">
        <Marked text={snippet} matches={matches} />
      </span>
      <span className="vault-facts">
        {kind === 'content' ? <Label entryNo={entry_no} version={version} /> : <span>{t.ofSummary}</span>}
        {!current && <span className="hit-older">{t.older}</span>}
        <Writer name={writer_id} />
      </span>
    </Link>
  );
}
