import { Field as Base } from '@base-ui/react/field';
import type { ComponentProps, ReactNode } from 'react';

type FieldProps = Omit<ComponentProps<typeof Base.Control>, 'className'> & {
  label: ReactNode;
  hint?: ReactNode;
};

/** A one-line field with its label, and a hint that belongs to it. */
export function Field({ label, hint, ...control }: FieldProps) {
  return (
    <Base.Root className="field">
      <Base.Label className="field-label">{label}</Base.Label>
      <Base.Control className="input" {...control} />
      {hint && <Base.Description className="field-hint">{hint}</Base.Description>}
    </Base.Root>
  );
}
