import { type KeyboardEvent, type Ref, useId } from 'react';
import { directionOf } from '../text/bidi.ts';

interface TextBoxProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  onSubmit: () => void;
  onEscape?: () => void;
  placeholder?: string;
  rows?: number;
  autoFocus?: boolean;
  readOnly?: boolean;
  ref?: Ref<HTMLTextAreaElement>;
}

/** Lines and characters up to which a browser lays a box out by its content; beyond them that takes seconds. */
const MAX_FITTED_LINES = 200;
const MAX_FITTED_CHARACTERS = 20_000;

const isFitted = (text: string): boolean =>
  text.length <= MAX_FITTED_CHARACTERS && text.split('\n', MAX_FITTED_LINES + 1).length <= MAX_FITTED_LINES;

/** A box for text of several lines. Ctrl or Cmd with Enter submits it. */
export function TextBox({ label, onChange, onSubmit, onEscape, autoFocus, ...props }: TextBoxProps) {
  const id = useId();
  const fitted = isFitted(props.value);
  const handleKey = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      onSubmit();
    }
    if (event.key === 'Escape' && onEscape) {
      event.stopPropagation();
      onEscape();
    }
  };
  return (
    <>
      <label className="visually-hidden" htmlFor={id}>
        {label}
      </label>
      <textarea
        {...props}
        id={id}
        className={fitted ? 'text-box' : 'text-box tall'}
        // With "auto" a browser looks at every line again after each letter.
        dir={fitted ? 'auto' : directionOf(props.value)}
        // biome-ignore lint/a11y/noAutofocus: it appears because the person asked to write
        autoFocus={autoFocus}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={handleKey}
      />
    </>
  );
}
