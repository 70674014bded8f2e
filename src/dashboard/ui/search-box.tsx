import { useEffect, useRef, useState } from 'react';
import { Icon } from './icons.tsx';

/** A pause in typing after which the search starts. */
const PAUSE_MS = 150;

/** The value once it has been left alone for a moment. */
export function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

interface SearchBoxProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

/** The field that `/` leads to. Escape empties it, and leaves it when it is empty. */
export function SearchBox({ label, value, onChange }: SearchBoxProps) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <search className="search" data-hint={value === ''}>
      <Icon name="search" />
      <input
        ref={input}
        className="input"
        type="text"
        inputMode="search"
        enterKeyHint="search"
        maxLength={256}
        aria-label={label}
        placeholder={label}
        value={value}
        data-search
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          if (value) onChange('');
          else input.current?.blur();
        }}
      />
    </search>
  );
}

/** Puts the cursor into the page's search box. */
export const focusSearch = (): void => document.querySelector<HTMLElement>('[data-search]')?.focus();
