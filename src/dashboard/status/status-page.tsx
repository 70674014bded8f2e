import { useQuery } from '@tanstack/react-query';
import { useSession } from '../api/session.tsx';
import { NotFound } from '../frame/not-found.tsx';
import { useTitle } from '../frame/title.ts';
import { type Text, useText } from '../i18n/index.ts';
import '../styles/status.css';
import { Foreign } from '../ui/names.tsx';
import { ProblemText } from '../ui/problem.tsx';

const RELOAD_MS = 5000;

/** The two largest units of a span of time. */
function formatSpan(seconds: number, t: Text['status']): string {
  const parts: [number, (n: number) => string][] = [
    [Math.floor(seconds / 86_400), t.days],
    [Math.floor(seconds / 3600) % 24, t.hours],
    [Math.floor(seconds / 60) % 60, t.minutes],
    [Math.floor(seconds) % 60, t.seconds],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  return first === -1
    ? t.seconds(0)
    : parts
        .slice(first, first + 2)
        .map(([n, say]) => say(n))
        .join(' ');
}

/** Up to date, or how long rows have waited. Searches are exact either way. */
const formatIndex = (
  { waiting, lag_seconds }: { waiting: number; lag_seconds: number },
  t: Text['status'],
) => (waiting === 0 ? t.upToDate : t.behind(formatSpan(lag_seconds, t)));

const Figure = ({ name, value }: { name: string; value: string | number }) => (
  <div className="card figure">
    <dt>{name}</dt>
    <dd>{value}</dd>
  </div>
);

function Status() {
  const { status: t } = useText();
  const { client } = useSession();
  useTitle(t.title);
  const { data, error, failureReason } = useQuery({
    queryKey: ['operator', 'status'],
    queryFn: ({ signal }) => client.operator.status.query(undefined, { signal }),
    refetchInterval: RELOAD_MS,
  });
  if (!data) return <ProblemText error={error ?? failureReason} />;
  return (
    <>
      <div className="page-head">
        <h1>{t.title}</h1>
      </div>
      <dl className="figures">
        <Figure name={t.version} value={data.version} />
        <Figure name={t.uptime} value={formatSpan(data.uptime_seconds, t)} />
        <Figure name={t.agents} value={data.sockets.atems} />
        <Figure name={t.astations} value={data.sockets.astations} />
        <Figure name={t.searchIndex} value={formatIndex(data.search_index, t)} />
      </dl>
      <section className="card work-sessions">
        <h2>{t.workSessions}</h2>
        {data.work_sessions.length === 0 && <p className="faint">{t.noWorkSessions}</p>}
        {data.work_sessions.length > 0 && (
          <div className="table-box">
            <table>
              <thead>
                <tr>
                  <th scope="col">{t.workSession}</th>
                  <th scope="col">{t.sessions}</th>
                </tr>
              </thead>
              <tbody>
                {data.work_sessions.map(({ work_session_id, sessions }) => (
                  <tr key={work_session_id}>
                    <td>
                      <Foreign>{work_session_id}</Foreign>
                    </td>
                    <td>{sessions}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </section>
    </>
  );
}

/** How the server is, for its operator. */
export default function StatusPage() {
  const { isOperator } = useSession();
  return isOperator ? <Status /> : <NotFound />;
}
