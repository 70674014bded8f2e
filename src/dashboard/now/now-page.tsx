import { lazy, Suspense } from 'react';
import { useSession } from '../api/session.tsx';
import { useTitle } from '../frame/title.ts';
import '../styles/now.css';
import { Button } from '../ui/button.tsx';
import { Icon } from '../ui/icons.tsx';
import { moveFocus } from '../ui/move-focus.ts';
import { WriterColours } from '../ui/names.tsx';
import { ProblemText } from '../ui/problem.tsx';
import { useShortcuts } from '../ui/shortcuts.ts';
import { FeedList } from './feed-list.tsx';
import { clearFilter, isFiltered, useFilter } from './filter.ts';
import { Filters } from './filters.tsx';
import { HourChart } from './hour-chart.tsx';
import { PresenceList } from './presence-list.tsx';
import { type Hours, type Live, useHours, useLive, useRows } from './queries.ts';
import { useNowText } from './texts.ts';
import { useSettledRows } from './use-settled-rows.ts';
import { VaultNews } from './vault-news.tsx';
import { useLastVisit } from './visits.ts';

const NoVaults = lazy(() => import('../vaults/no-vaults.tsx'));

/** In the place of the feed while nothing fits the filter. */
function NothingFound() {
  const t = useNowText();
  return (
    <div className="card empty">
      <span className="empty-mark">
        <Icon name="pulse" size={24} />
      </span>
      <h2>{t.nothingTitle}</h2>
      <p>{t.nothingText}</p>
      <Button onClick={clearFilter}>{t.clear}</Button>
    </div>
  );
}

function Happened({ live, hours }: { live: Live; hours: Hours | undefined }) {
  const t = useNowText();
  const filter = useFilter();
  const visit = useLastVisit();
  const { rows, hasNextPage, isFetchingNextPage, fetchNextPage, error, failureReason } = useRows(
    filter,
    live,
  );
  const settled = useSettledRows(rows, JSON.stringify(filter));
  return (
    <section className="now-feed" aria-label={t.feed}>
      <Filters filter={filter} rows={rows ?? []} live={live} hours={hours} more={hasNextPage} />
      {!rows && (
        <>
          <ProblemText error={error ?? failureReason} />
          <div className="now-skeleton" aria-busy="true" />
        </>
      )}
      {rows?.length === 0 && !hasNextPage && (
        <Suspense fallback={null}>{isFiltered(filter) ? <NothingFound /> : <NoVaults />}</Suspense>
      )}
      {settled && (settled.shown.length > 0 || hasNextPage) && (
        <FeedList
          rows={settled.shown}
          fresh={settled.waiting}
          onFresh={settled.show}
          visit={visit}
          earlier={hasNextPage ? () => void fetchNextPage() : undefined}
          isLoading={isFetchingNextPage}
        />
      )}
    </section>
  );
}

/** What goes on in all vaults, who is here, and how much was written. */
export default function NowPage() {
  const t = useNowText();
  const { isOperator } = useSession();
  const live = useLive();
  const hours = useHours(live);
  useTitle(t.title);
  useShortcuts({ j: () => moveFocus('.happening-link', 1), k: () => moveFocus('.happening-link', -1) });
  const names = [
    ...live.rows.map(({ client_id }) => client_id),
    ...(live.present?.clients ?? []).map(({ client_id }) => client_id),
  ];
  return (
    <WriterColours names={[...new Set(names)]}>
      <div className="now">
        <div className="page-head">
          <h1>{t.title}</h1>
        </div>
        <HourChart hours={hours} />
        <aside className="now-side">
          <PresenceList present={live.present} showsWorkSession={isOperator} />
          <VaultNews hours={hours} />
        </aside>
        <Happened live={live} hours={hours} />
      </div>
    </WriterColours>
  );
}
