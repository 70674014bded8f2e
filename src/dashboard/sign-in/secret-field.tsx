import { type ClipboardEvent, useState } from 'react';
import { useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';
import { Field } from '../ui/field.tsx';

interface SecretFieldProps {
  label: string;
  hint: string;
  name: string;
  /** Finds the secret in what was pasted. */
  read: (pasted: string) => string;
  /** Is told what was found. */
  onRead?: (secret: string) => void;
}

/** A field for a secret, which others beside the screen do not read unless the person shows it. */
export function SecretField({ read, onRead, name, ...props }: SecretFieldProps) {
  const { signIn: t } = useText();
  const [value, setValue] = useState('');
  const change = (text: string) => {
    setValue(text);
    onRead?.(read(text));
  };
  const [shown, setShown] = useState(false);
  // A field of one line would join the lines of what was pasted.
  const paste = (event: ClipboardEvent<HTMLInputElement>) => {
    const { selectionStart, selectionEnd } = event.currentTarget;
    if (selectionStart !== 0 || selectionEnd !== value.length) return;
    event.preventDefault();
    change(read(event.clipboardData.getData('text')));
  };
  return (
    <div className="secret">
      <Field
        {...props}
        name={name}
        type={shown ? 'text' : 'password'}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        value={value}
        onChange={(event) => change(event.target.value)}
        onPaste={paste}
      />
      <Button look="quiet" aria-pressed={shown} onClick={() => setShown(!shown)}>
        {shown ? t.hide : t.show}
      </Button>
    </div>
  );
}
