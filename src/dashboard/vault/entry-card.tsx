import type { ReactNode } from 'react';
import { useText } from '../i18n/index.ts';
import { labelOf } from '../text/labels.ts';
import { Author } from '../ui/author.tsx';
import { IconButton } from '../ui/button.tsx';
import { Foreign, Label, Writer } from '../ui/names.tsx';
import { Time } from '../ui/time.tsx';
import { Content } from './content.tsx';
import type { Row } from './rows.ts';
import { SecretWarning } from './secret-warning.tsx';

interface EntryCardProps {
  row: Row;
  /** Its position among the shown entries. */
  place: { index: number; size: number };
  /** Led to by an address, or just arrived. */
  marked?: boolean;
  /** Whether it does not match the vault's chain. */
  forged?: boolean;
  actions?: ReactNode;
  /** Instead of the text. */
  children?: ReactNode;
}

/** An entry with its writer and time. */
export function EntryCard({ row, place, marked = false, forged = false, actions, children }: EntryCardProps) {
  const { proof: t } = useText();
  const id = `entry-${row.entry_no}`;
  const className = ['entry', ...(marked ? ['marked'] : []), ...(forged ? ['forged'] : [])].join(' ');
  return (
    <article
      className={className}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: articles of a feed take the focus, for j and k and for readers
      tabIndex={0}
      aria-labelledby={id}
      aria-posinset={place.index + 1}
      aria-setsize={place.size}
      data-entry={row.entry_no}
    >
      <header className="entry-head">
        <h2 className="entry-name" id={id}>
          <Label entryNo={row.entry_no} version={row.version} />
          <Writer name={row.writer_id} />
        </h2>
        <Author author={row.author} />
        <Time at={row.created_at} />
        {actions && <div className="entry-actions">{actions}</div>}
      </header>
      {forged && <p className="problem">{t.forged}</p>}
      {children || (
        <>
          <SecretWarning text={row.content} />
          <Content text={row.content} />
        </>
      )}
      {row.tags && row.tags.length > 0 && <Tags tags={row.tags} />}
    </article>
  );
}

function Tags({ tags }: { tags: string[] }) {
  const { vault: t } = useText();
  return (
    <ul className="tags" aria-label={t.tags}>
      {tags.map((tag) => (
        <li key={tag} className="tag">
          <Foreign>{tag}</Foreign>
        </li>
      ))}
    </ul>
  );
}

interface EntryActionsProps {
  row: Row;
  onHistory: () => void;
  onLink: () => void;
  onEdit?: (() => void) | undefined;
}

/** Actions on an entry. */
export function EntryActions({ row, onHistory, onLink, onEdit }: EntryActionsProps) {
  const { vault: t } = useText();
  const label = labelOf(row);
  return (
    <>
      {onEdit && <IconButton icon="pencil" label={t.overrideLabel(label)} onClick={onEdit} />}
      <IconButton icon="history" label={t.historyOf(label)} onClick={onHistory} />
      <IconButton icon="link" label={t.copyLink(label)} onClick={onLink} />
    </>
  );
}
