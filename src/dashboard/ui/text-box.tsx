import { type KeyboardEvent, type Ref, useId } from 'react';

interface TextBoxProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  onSubmit: () => void;
  onEscape?: () => void;
  placeholder?: string;
  rows?: number;
  autoFocus?: boolean;
  disabled?: boolean;
  ref?: Ref<HTMLTextAreaElement>;
}

/** A box for text of several lines. Ctrl or Cmd with Enter submits it. */
export function TextBox({ label, onChange, onSubmit, onEscape, autoFocus, ...props }: TextBoxProps) {
  const id = useId();
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
        className="text-box"
        dir="auto"
        // biome-ignore lint/a11y/noAutofocus: it appears because the person asked to write
        autoFocus={autoFocus}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={handleKey}
      />
    </>
  );
}
