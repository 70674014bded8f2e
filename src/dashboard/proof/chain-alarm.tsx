import { useText } from '../i18n/index.ts';
import { Icon } from '../ui/icons.tsx';
import type { Misfit } from './verifier.ts';

const labelOf = ({ entry_no, version }: Misfit): string =>
  entry_no === 0 ? `summary v${version}` : `e${entry_no} v${version}`;

/** @returns what does not fit, as a sentence that names the row */
export function useMisfitText(misfit: Misfit | undefined): string | undefined {
  const { proof: t } = useText();
  if (!misfit) return undefined;
  const { kind, seq } = misfit;
  if (kind === 'chain') return t.broken(seq);
  if (kind === 'lost') return t.lost(seq);
  return t.misfits[kind](labelOf(misfit));
}

/** Warns on every page of a vault that the shown data does not match the vault's hash chain. */
export function ChainAlarm({ misfit }: { misfit: Misfit }) {
  const { proof: t } = useText();
  return (
    <section className="card chain bad" role="alert">
      <span className="chain-mark">
        <Icon name="warning" size={24} />
      </span>
      <div className="chain-text">
        <h2>{useMisfitText(misfit)}</h2>
        <p>{t.brokenText}</p>
      </div>
    </section>
  );
}
