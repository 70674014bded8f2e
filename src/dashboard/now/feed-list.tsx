import { useId, useState } from 'react';
import { Link } from 'wouter';
import { setParameter } from '../address.ts';
import { useText } from '../i18n/index.ts';
import { showReordering } from '../text/bidi.ts';
import { plainOf } from '../text/plain.ts';
import { Author } from '../ui/author.tsx';
import { Button } from '../ui/button.tsx';
import { Avatar, Foreign, Label, WriterName } from '../ui/names.tsx';
import { Time, useDay } from '../ui/time.tsx';
import { type Group, groupRows, idOf, type Section } from './groups.ts';
import type { Row } from './row.ts';
import { useNowText } from './texts.ts';

/** Rows of a group that are shown at first. */
const SHOWN = 4;

const addressOfRow = ({ vault_id, entry_no, version, what }: Row): string => {
  const vault = `/v/${encodeURIComponent(vault_id)}`;
  return what === 'wrote' || what === 'edited' ? `${vault}/e${entry_no}/v${version}` : vault;
};

/** One thing that happened: what, where in the vault, and the beginning of the text. */
function Happening({ row }: { row: Row }) {
  const t = useNowText();
  const { what, entry_no = 0, version = 1, snippet = '', cut, tags = [], reader_work_session_id: from } = row;
  const isEntry = what === 'wrote' || what === 'edited';
  return (
    <li className={`happening ${what}`}>
      <Link href={addressOfRow(row)} className="happening-link">
        <span className="happening-what">
          {t.what[what]}
          {isEntry && (
            <>
              {' '}
              <Label entryNo={entry_no} version={version} />
            </>
          )}
          {from !== undefined && (
            <>
              {' '}
              <Foreign>{t.from(from)}</Foreign>
            </>
          )}
        </span>
        {snippet && (
          <span className="happening-text" dir="auto">
            {showReordering(plainOf(snippet))}
            {cut && '…'}
          </span>
        )}
      </Link>
      {tags.length > 0 && (
        <span className="happening-tags">
          {tags.map((tag) => (
            <button key={tag} type="button" className="tag-button" onClick={() => setParameter('tag', tag)}>
              <Foreign>{`#${tag}`}</Foreign>
            </button>
          ))}
        </span>
      )}
    </li>
  );
}

/** What one client did in one vault, without a long break. */
function GroupCard({ group }: { group: Group }) {
  const t = useNowText();
  const { vaults } = useText();
  const [whole, setWhole] = useState(false);
  const [newest] = group.rows;
  if (!newest) return null;
  const shown = whole ? group.rows : group.rows.slice(0, SHOWN);
  const hidden = group.rows.length - SHOWN;
  return (
    <article className="card happened">
      <header className="happened-head">
        <Avatar name={group.client} />
        <button
          type="button"
          className="happened-who"
          title={t.follow(group.client)}
          onClick={() => setParameter('writer', group.client)}
        >
          <WriterName name={group.client} />
        </button>
        {newest.author !== undefined && <Author author={newest.author} />}
        <Link href={`/v/${encodeURIComponent(group.vault)}`} className="happened-vault">
          <Foreign>{newest.vault || vaults.untitled}</Foreign>
        </Link>
        <Time at={newest.at} />
      </header>
      <ul className="happenings">
        {shown.map((row) => (
          <Happening key={idOf(row)} row={row} />
        ))}
      </ul>
      {hidden > 0 && (
        <button type="button" className="disclosure" aria-expanded={whole} onClick={() => setWhole(!whole)}>
          {whole ? t.fewer : t.more(hidden)}
        </button>
      )}
    </article>
  );
}

const DAY_MS = 86_400_000;

function Day({ section, first }: { section: Section; first: boolean }) {
  const t = useNowText();
  const format = useDay();
  const id = useId();
  const day = new Date(section.day).toDateString();
  const isToday = day === new Date().toDateString();
  const isYesterday = day === new Date(Date.now() - DAY_MS).toDateString();
  return (
    <section className="now-day" aria-labelledby={first || !section.beginsAtVisit ? id : undefined}>
      {section.beginsAtVisit && (
        <p className="visit-line">
          <span>{t.lastHere}</span>
        </p>
      )}
      {(first || !section.beginsAtVisit) && (
        <h2 id={id} className="day-title">
          {isToday ? t.today : isYesterday ? t.yesterday : format(section.day)}
        </h2>
      )}
      {section.groups.map((group) => (
        <GroupCard key={group.key} group={group} />
      ))}
    </section>
  );
}

interface FeedListProps {
  rows: readonly Row[];
  /** Rows that wait above. */
  fresh: number;
  onFresh: () => void;
  visit: string | undefined;
  /** Loads earlier rows; undefined: there are none. */
  earlier: (() => void) | undefined;
  isLoading: boolean;
}

/** What happened, the newest first, by day and by the last visit. */
export function FeedList({ rows, fresh, onFresh, visit, earlier, isLoading }: FeedListProps) {
  const t = useNowText();
  const { loading } = useText();
  const sections = groupRows(rows, visit);
  return (
    <>
      <div className="fresh-place" role="status">
        {fresh > 0 && (
          <Button look="primary" onClick={onFresh}>
            {t.fresh(fresh)}
          </Button>
        )}
      </div>
      <div className="now-list">
        {sections.map((section, index) => (
          <Day key={section.key} section={section} first={index === 0} />
        ))}
      </div>
      <p className="now-end">
        {earlier ? (
          <Button disabled={isLoading} onClick={earlier}>
            {isLoading ? loading : t.earlier}
          </Button>
        ) : (
          <span className="faint">{t.beginning}</span>
        )}
      </p>
    </>
  );
}
