import { useLayoutEffect, useRef, useState } from 'react';
import { useFormatted } from '../compute/use-formatted.ts';
import { useText } from '../i18n/index.ts';
import { usePreferences } from '../preferences.ts';
import { showReordering } from '../text/bidi.ts';
import { cutText } from '../text/cut.ts';
import { sanitise } from '../text/sanitise.ts';
import { usePrinting } from '../ui/use-printing.ts';

const PlainText = ({ text, pending = false }: { text: string; pending?: boolean }) => (
  <div className={pending ? 'plain-text pending' : 'plain-text'} dir="auto">
    {showReordering(text)}
  </div>
);

function Formatted({ text }: { text: string }) {
  const place = useRef<HTMLDivElement>(null);
  const formatted = useFormatted(text);
  const html = formatted?.html;
  useLayoutEffect(() => {
    if (html !== undefined) place.current?.replaceChildren(sanitise(html));
  }, [html]);
  if (html === undefined) return <PlainText text={text} pending={!formatted} />;
  return <div ref={place} className="formatted" dir="auto" />;
}

/** The text of an entry, formatted or plain; of a long one its beginning, until the reader asks for more. */
export function Content({ text }: { text: string }) {
  const { vault: t } = useText();
  const { plainText } = usePreferences();
  const [whole, setWhole] = useState(false);
  const { shown, more } = cutText(text);
  const printing = usePrinting();
  const cut = more && !whole && !printing;
  const visible = cut ? shown : text;
  return (
    <div className={cut ? 'content cut' : 'content'}>
      {plainText ? <PlainText text={visible} /> : <Formatted text={visible} />}
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
