import { setParameter, useParameter } from '../address.ts';
import { LANGUAGES, useLanguage } from '../i18n/index.ts';
import { HOURS, type Hours } from './queries.ts';
import { useNowText } from './texts.ts';

/** From the bottom up. */
const KINDS = ['wrote', 'edited', 'summed_up', 'created'] as const;
const HOUR_MS = 3_600_000;
/** The chart's height for the busiest hour, in units of its drawing. */
const HEIGHT = 60;
/** A busiest hour with fewer changes than this does not fill the chart. */
const LEAST = 4;
/** An hour is as wide as this, with the gap. */
const STEP = 10;
const BAR = 8;

type Counts = Hours['hours'][number];

const sumOf = (counts: Counts): number => KINDS.reduce((sum, kind) => sum + counts[kind], 0);

function Bar({ counts, most }: { counts: Counts; most: number }) {
  let y = HEIGHT;
  return KINDS.map((kind) => {
    const height = (counts[kind] / most) * HEIGHT;
    y -= height;
    return (
      height > 0 && <rect key={kind} className={`bar ${kind}`} x={1} y={y} width={BAR} height={height} />
    );
  });
}

/** What was written in each of the last hours. Each hour is a button that shows what happened since. */
export function HourChart({ hours }: { hours: Hours | undefined }) {
  const t = useNowText();
  const { locale } = LANGUAGES[useLanguage()];
  const since = useParameter('since');
  if (!hours) return <div className="card hour-chart loading" aria-busy="true" />;
  const start = Date.parse(hours.start);
  const most = Math.max(LEAST, ...hours.hours.map(sumOf));
  const from = since === '' ? Number.POSITIVE_INFINITY : Date.parse(since);
  const name = new Intl.DateTimeFormat(locale, { weekday: 'short', hour: 'numeric', minute: '2-digit' });
  const tick = new Intl.DateTimeFormat(locale, { weekday: 'short', hour: 'numeric' });
  const totals = KINDS.map((kind): [(typeof KINDS)[number], number] => [
    kind,
    hours.hours.reduce((sum, counts) => sum + counts[kind], 0),
  ]);
  return (
    <section className="card hour-chart" aria-label={t.activity}>
      <div className="chart-head">
        <h2>{t.activity}</h2>
        <ul className="legend">
          {totals.map(([kind, n]) => (
            <li key={kind}>
              <span className={`swatch ${kind}`} aria-hidden="true" />
              {t.kinds[kind]} <b>{n.toLocaleString(locale)}</b>
            </li>
          ))}
        </ul>
      </div>
      <ol className="hours" title={t.hint}>
        {hours.hours.map((counts, hour) => {
          const at = new Date(start + hour * HOUR_MS);
          const isChosen = at.getTime() >= from;
          return (
            <li key={at.getTime()}>
              <button
                type="button"
                className={isChosen ? 'hour chosen' : 'hour'}
                aria-label={t.hour(name.format(at), sumOf(counts))}
                aria-pressed={at.getTime() === from}
                title={t.hour(name.format(at), sumOf(counts))}
                tabIndex={hour === HOURS - 1 ? 0 : -1}
                onClick={() => setParameter('since', at.getTime() === from ? '' : at.toISOString())}
                onKeyDown={(event) => moveAmongHours(event)}
              >
                <svg viewBox={`0 0 ${STEP} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
                  <Bar counts={counts} most={most} />
                </svg>
              </button>
            </li>
          );
        })}
      </ol>
      <div className="ticks" aria-hidden="true">
        {[0, HOURS / 4, HOURS / 2, (HOURS * 3) / 4].map((hour) => (
          <span key={hour}>{tick.format(new Date(start + hour * HOUR_MS))}</span>
        ))}
      </div>
      {hours.cut && <p className="faint">{t.cut}</p>}
    </section>
  );
}

/** The arrow keys move among the hours, of which only one is reached by Tab. */
function moveAmongHours(event: React.KeyboardEvent<HTMLButtonElement>): void {
  const step = { ArrowLeft: 'previousElementSibling', ArrowRight: 'nextElementSibling' } as const;
  const key = event.key as keyof typeof step;
  if (!Object.hasOwn(step, key)) return;
  event.preventDefault();
  const next = event.currentTarget.parentElement?.[step[key]]?.querySelector('button');
  next?.focus();
}
