import { type ReactNode, useId } from 'react';

interface SelectProps {
  label: ReactNode;
  hint?: ReactNode;
  value: string;
  /** Values and their words. */
  options: [string, string][];
  onChange: (value: string) => void;
}

/** A choice of one, by the browser's own control. */
export function Select({ label, hint, value, options, onChange }: SelectProps) {
  const id = useId();
  return (
    <div className="field">
      <label className="field-label" htmlFor={id}>
        {label}
      </label>
      <select
        id={id}
        className="input select"
        aria-describedby={hint ? `${id}-hint` : undefined}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      >
        {options.map(([option, words]) => (
          <option key={option} value={option}>
            {words}
          </option>
        ))}
      </select>
      {hint && (
        <p id={`${id}-hint`} className="field-hint">
          {hint}
        </p>
      )}
    </div>
  );
}
