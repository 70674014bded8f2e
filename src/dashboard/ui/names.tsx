import { type CSSProperties, createContext, type ReactNode, useContext, useMemo } from 'react';
import { showReordering } from '../text/bidi.ts';
import { type Colour, coloursOf } from '../text/colours.ts';
import { initialsOf, shortName } from '../text/names.ts';

/** Another person's text on one line, isolated so that it cannot reorder the surrounding text. */
export const Foreign = ({ children }: { children: string }) => <bdi>{showReordering(children)}</bdi>;

const Colours = createContext<ReadonlyMap<string, Colour>>(new Map());

/** Writers that get colours together; further ones get theirs by their name alone. */
const MAX_COLOURED = 100;

/** Provides distinguishable colours for the writers of a vault to all components below. */
export function WriterColours({ names, children }: { names: readonly string[]; children: ReactNode }) {
  const set = names.slice(0, MAX_COLOURED).sort().join('\0');
  const colours = useMemo(() => coloursOf(set.split('\0')), [set]);
  return <Colours value={colours}>{children}</Colours>;
}

const GREY: Colour = { hue: 0, light: 0.6, hollow: false };

function useColour(name: string): { hollow: boolean; style: CSSProperties } {
  const known = useContext(Colours).get(name);
  const { hue, light, hollow } = known ?? coloursOf([name]).get(name) ?? GREY;
  return { hollow, style: { '--hue': hue, '--light': light } as CSSProperties };
}

function Dot({ name }: { name: string }) {
  const { hollow, style } = useColour(name);
  return <span className={hollow ? 'dot hollow' : 'dot'} style={style} aria-hidden="true" />;
}

/** The initials of a writer on the writer's colour. */
export function Avatar({ name }: { name: string }) {
  const { hollow, style } = useColour(name);
  return (
    <span className={hollow ? 'avatar hollow' : 'avatar'} style={style} aria-hidden="true">
      {initialsOf(name)}
    </span>
  );
}

/** A writer's name as people can read it; the whole one on hover. */
export const WriterName = ({ name }: { name: string }) => (
  <span className="writer-name" title={showReordering(name)}>
    <Foreign>{shortName(name)}</Foreign>
  </span>
);

/** A writer, with a dot of the same colour everywhere in a vault. */
export const Writer = ({ name }: { name: string }) => (
  <span className="writer">
    <Dot name={name} />
    <span className="writer-name" title={showReordering(name)}>
      <Foreign>{name}</Foreign>
    </span>
  </span>
);

/** `e3 v2`. */
export const Label = ({ entryNo, version }: { entryNo: number; version: number }) => (
  <span className="label">
    e{entryNo} <span className={version > 1 ? 'version changed' : 'version'}>v{version}</span>
  </span>
);
