import { setParameter, useParameter } from '../address.ts';
import { useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { ProblemText } from '../ui/problem.tsx';
import { type Hit, useHits } from './hit-queries.ts';
import { HitRow } from './hit-row.tsx';
import { NothingFound } from './nothing-found.tsx';
import { RowList } from './row-list.tsx';

function HitList({ hits }: { hits: Hit[] }) {
  const { vaults: t } = useText();
  return (
    <RowList
      label={t.hits}
      items={hits}
      keyOf={({ vault_id, seq }) => `${seq} ${vault_id}`}
      render={(hit) => <HitRow hit={hit} />}
    />
  );
}

/** What a search finds in all vaults. */
export default function Hits({ q, author }: { q: string; author: string }) {
  const t = useText();
  const older = useParameter('older') !== '';
  const found = useHits({ q, author, older });
  const { hits } = found;
  return (
    <>
      <label className="check search-option">
        <input type="checkbox" checked={older} onChange={() => setParameter('older', older ? '' : 'true')} />
        {t.vaults.searchOlder}
      </label>
      <ProblemText error={found.error ?? found.failureReason} />
      {!hits && <div className="vault-skeleton" aria-busy="true" />}
      {hits?.length === 0 && <NothingFound q={q} author={author} />}
      {hits && hits.length > 0 && <HitList hits={hits} />}
      {found.canReadMore && (
        <p className="search-more">
          <Button disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
            {t.vaults.moreHits}
          </Button>
        </p>
      )}
    </>
  );
}
