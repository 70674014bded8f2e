import { useLayoutEffect, useRef, useState } from 'react';
import { useText } from '../i18n/index.ts';
import { usePreferences } from '../preferences.ts';
import { showReordering } from '../text/bidi.ts';
import { cutText } from '../text/cut.ts';
import { renderMarkdown } from '../text/markdown.ts';

function Formatted({ text }: { text: string }) {
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => place.current?.replaceChildren(renderMarkdown(text)), [text]);
  return <div ref={place} className="formatted" dir="auto" />;
}

/** The text of an entry, formatted or plain; of a long one its beginning, until the reader asks for more. */
export function Content({ text }: { text: string }) {
  const { vault: t } = useText();
  const { plainText } = usePreferences();
  const [whole, setWhole] = useState(false);
  const { shown, more } = cutText(text);
  const visible = whole ? text : shown;
  return (
    <div className={more && !whole ? 'content cut' : 'content'}>
      {plainText ? (
        <div className="plain-text" dir="auto">
          {showReordering(visible)}
        </div>
      ) : (
        <Formatted text={visible} />
      )}
      {more && (
        <button
          type="button"
          className="disclosure show-all"
          aria-expanded={whole}
          onClick={() => setWhole(!whole)}
        >
          {whole ? t.showLess : t.showAll}
        </button>
      )}
    </div>
  );
}
