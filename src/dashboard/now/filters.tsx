import { useId } from 'react';
import { type Parameter, setParameter } from '../address.ts';
import { useSession } from '../api/session.tsx';
import { useText } from '../i18n/index.ts';
import { shortName } from '../text/names.ts';
import { Button } from '../ui/button.tsx';
import { useExactTime } from '../ui/time.tsx';
import { clearFilter, type Filter, isFiltered, WHAT } from './filter.ts';
import type { Hours, Live } from './queries.ts';
import type { Row } from './row.ts';
import { useNowText } from './texts.ts';

interface ChoiceProps {
  label: string;
  any: string;
  parameter: Parameter;
  value: string;
  /** Values and their words. */
  options: readonly (readonly [string, string])[];
}

/** A choice of one, whose label is its first option to those who see it. */
function Choice({ label, any, parameter, value, options }: ChoiceProps) {
  const known = options.some(([option]) => option === value) || value === '';
  const all = known ? options : [...options, [value, shortName(value)] as const];
  return (
    <select
      className={value ? 'input select choice set' : 'input select choice'}
      aria-label={label}
      value={value}
      onChange={(event) => setParameter(parameter, event.target.value)}
    >
      <option value="">{any}</option>
      {all.map(([option, words]) => (
        <option key={option} value={option}>
          {words}
        </option>
      ))}
    </select>
  );
}

/** @returns a time as the browser's own control takes it, in the reader's time zone */
function toLocal(time: string): string {
  if (!time) return '';
  const date = new Date(time);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

const LONGEST_NAME = 60;

const byName = (a: readonly [string, string], b: readonly [string, string]) => a[1].localeCompare(b[1]);

/** Each value with its words, once, in order of the words. */
const optionsOf = (pairs: readonly (readonly [string, string])[]) =>
  [...new Map(pairs)]
    .map(([value, words]) => [value, words.slice(0, LONGEST_NAME)] as const)
    .toSorted(byName);

interface FiltersProps {
  filter: Filter;
  rows: readonly Row[];
  live: Live;
  hours: Hours | undefined;
  /** Whether there are more rows than are loaded. */
  more: boolean;
}

/** What is shown, and how much of it. The choices are those that were seen. */
export function Filters({ filter, rows, live, hours, more }: FiltersProps) {
  const t = useNowText();
  const { vaults: names } = useText();
  const { isOperator } = useSession();
  const exact = useExactTime();
  const id = useId();
  const all = [...rows, ...live.rows];
  const present = live.present?.clients ?? [];
  const vaults = [...all, ...(hours?.vaults ?? [])].map(
    ({ vault_id, vault }) => [vault_id, vault || names.untitled] as const,
  );
  const writers = [...all, ...present].map(({ client_id }) => [client_id, shortName(client_id)] as const);
  const tags = all.flatMap(({ tags: own = [] }) => own.map((tag) => [tag, `#${tag}`] as const));
  const sessions = all.map(({ work_session_id: own }) => [own, own] as const);
  return (
    <div className="filters">
      <search className="choices" aria-label={t.filters}>
        <Choice
          label={t.labels.what}
          any={t.any.what}
          parameter="what"
          value={filter.what}
          options={WHAT.map((what) => [what, t.kinds[what]])}
        />
        <Choice
          label={t.labels.vault}
          any={t.any.vault}
          parameter="vault"
          value={filter.vault}
          options={optionsOf(vaults)}
        />
        <Choice
          label={t.labels.writer}
          any={t.any.writer}
          parameter="writer"
          value={filter.writer}
          options={optionsOf(writers)}
        />
        <Choice
          label={t.labels.tag}
          any={t.any.tag}
          parameter="tag"
          value={filter.tag}
          options={optionsOf(tags)}
        />
        {isOperator && (
          <Choice
            label={t.labels.workSession}
            any={t.any.workSession}
            parameter="session"
            value={filter.workSession}
            options={optionsOf(sessions)}
          />
        )}
        <label className="since" htmlFor={id}>
          {t.labels.since}
          <input
            id={id}
            className={filter.since ? 'input set' : 'input'}
            type="datetime-local"
            value={toLocal(filter.since)}
            onChange={({ target: { value } }) =>
              setParameter('since', value === '' ? '' : new Date(value).toISOString())
            }
          />
        </label>
      </search>
      {isFiltered(filter) && (
        <p className="found" role="status">
          <span>
            <b>{t.changes(rows.length, more)}</b>{' '}
            {t.inVaults(new Set(rows.map(({ vault_id }) => vault_id)).size)}
            {filter.since && ` ${t.since(exact(filter.since))}`}
          </span>
          <Button look="quiet" icon="close" onClick={clearFilter}>
            {t.clear}
          </Button>
        </p>
      )}
    </div>
  );
}
