import { Link } from 'wouter';
import { useText } from '../i18n/index.ts';
import { Foreign } from '../ui/names.tsx';
import type { Hours } from './queries.ts';
import { useNowText } from './texts.ts';
import { useReadUntil } from './visits.ts';

const HOUR_MS = 3_600_000;
const SHOWN = 8;

type Vault = Hours['vaults'][number];

/** The rows of each hour as a line. */
function Sparkline({ hours }: { hours: readonly number[] }) {
  const most = Math.max(2, ...hours);
  const points = hours.map((n, hour) => `${hour},${(12 - (n / most) * 11).toFixed(1)}`).join(' ');
  return (
    <svg
      className="sparkline"
      viewBox={`0 0 ${hours.length - 1} 13`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <polyline points={points} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}

/** @returns rows of the hours after the vault was last read, that hour included where it was not read at all */
function unreadOf({ hours, vault_id }: Vault, start: string, read: Record<string, string>): number {
  const until = read[vault_id];
  const first = until === undefined ? 0 : Math.ceil((Date.parse(until) - Date.parse(start)) / HOUR_MS);
  return hours.slice(Math.max(0, first)).reduce((sum, n) => sum + n, 0);
}

/** The vaults that were written into, with what is unread of them in this browser. */
export function VaultNews({ hours }: { hours: Hours | undefined }) {
  const t = useNowText();
  const { vaults } = useText();
  const read = useReadUntil();
  const withUnread = (hours?.vaults ?? []).map((vault) => ({
    ...vault,
    unread: unreadOf(vault, hours?.start ?? '', read),
  }));
  const shown = withUnread.toSorted((a, b) => b.unread - a.unread || b.rows - a.rows).slice(0, SHOWN);
  return (
    <section className="card side-card" aria-label={t.vaults}>
      <h2>{t.vaults}</h2>
      {!hours && <div className="side-skeleton" aria-busy="true" />}
      {hours && shown.length === 0 && <p className="faint">{t.quiet}</p>}
      <ul className="news">
        {shown.map(({ vault_id, vault, hours: own, unread }) => (
          <li key={vault_id}>
            <Link href={`/v/${encodeURIComponent(vault_id)}`} className="news-vault">
              <span className="news-name">
                <Foreign>{vault || vaults.untitled}</Foreign>
              </span>
              <Sparkline hours={own} />
              {unread > 0 && (
                <span className="unread" title={t.unread(unread)}>
                  {unread > 99 ? '99+' : unread}
                  <span className="visually-hidden"> {t.unread(unread)}</span>
                </span>
              )}
            </Link>
          </li>
        ))}
      </ul>
      <Link href="/" className="news-all">
        {t.browse}
      </Link>
    </section>
  );
}
