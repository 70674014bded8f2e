import { setParameter, useParameter } from '../address.ts';
import { labelOf } from '../text/labels.ts';
import { Avatar, Foreign, WriterName } from '../ui/names.tsx';
import { Time } from '../ui/time.tsx';
import type { Presence, Present } from './queries.ts';
import { useNowText } from './texts.ts';

/** A client, as a button that shows only what the client does. */
function Client({ client, showsWorkSession }: { client: Present; showsWorkSession: boolean }) {
  const t = useNowText();
  const writer = useParameter('writer');
  const { client_id: name, via, connected, seen_at, wrote, work_session_id } = client;
  const isChosen = writer === name;
  return (
    <li>
      <button
        type="button"
        className="present"
        aria-pressed={isChosen}
        title={isChosen ? t.following(name) : t.follow(name)}
        onClick={() => setParameter('writer', isChosen ? '' : name)}
      >
        <span className={connected ? 'present-avatar connected' : 'present-avatar'}>
          <Avatar name={name} />
        </span>
        <span className="present-name">
          <WriterName name={name} />
          {connected && <span className="visually-hidden"> {t.connected}</span>}
        </span>
        <span className="present-via">{via.map((way) => t.via[way]).join(' · ')}</span>
        <span className="present-last">
          {wrote ? (
            <>
              {wrote.entry_no > 0
                ? t.wroteLast(labelOf(wrote))
                : t.what[wrote.version > 1 ? 'summed_up' : 'created']}{' '}
              <Time at={wrote.at} />
            </>
          ) : (
            seen_at !== undefined && (
              <>
                {t.seen} <Time at={seen_at} />
              </>
            )
          )}
          {showsWorkSession && (
            <>
              {' · '}
              <Foreign>{work_session_id}</Foreign>
            </>
          )}
        </span>
      </button>
    </li>
  );
}

/** Who is connected, or called in the last minutes. */
export function PresenceList({
  present,
  showsWorkSession,
}: {
  present: Presence | null | undefined;
  showsWorkSession: boolean;
}) {
  const t = useNowText();
  const { clients = [], astations = [], servers } = present ?? {};
  return (
    <section className="card side-card" aria-label={t.here}>
      <h2>
        {t.here} {clients.length > 0 && <span className="count">{clients.length}</span>}
      </h2>
      {present === undefined && <div className="side-skeleton" aria-busy="true" />}
      {present === null && <p className="faint">{t.limited}</p>}
      {present && clients.length === 0 && <p className="faint">{t.nobody}</p>}
      <ul className="presents">
        {clients.map((client) => (
          <Client
            key={`${client.work_session_id} ${client.author} ${client.client_id}`}
            client={client}
            showsWorkSession={showsWorkSession}
          />
        ))}
      </ul>
      {astations.map((id) => (
        <p key={id} className="side-note">
          <span className="live-dot" aria-hidden="true" />
          <Foreign>{t.astation(id)}</Foreign>
        </p>
      ))}
      {servers === 'this' && <p className="side-note">{t.thisServer}</p>}
    </section>
  );
}
