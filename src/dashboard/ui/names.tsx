import { showReordering } from '../text/bidi.ts';
import { hueOf } from '../text/labels.ts';

/** Text of somebody else on one line: what it does to the order of letters stays inside. */
export const Foreign = ({ children }: { children: string }) => <bdi>{showReordering(children)}</bdi>;

/** A writer, with a dot of the same colour everywhere. */
export function Writer({ name }: { name: string }) {
  return (
    <span className="writer">
      <span className="dot" style={{ '--hue': hueOf(name) } as React.CSSProperties} aria-hidden="true" />
      <span className="writer-name" title={showReordering(name)}>
        <Foreign>{name}</Foreign>
      </span>
    </span>
  );
}

/** `e3 v2`. */
export const Label = ({ entryNo, version }: { entryNo: number; version: number }) => (
  <span className="label">
    e{entryNo} <span className={version > 1 ? 'version changed' : 'version'}>v{version}</span>
  </span>
);
