import { type Text, useText } from '../i18n/index.ts';
import { showReordering } from '../text/bidi.ts';
import { Icon } from './icons.tsx';
import { Foreign } from './names.tsx';

/** `session:<fingerprint>`, `key:<id>` or `person:<id>`. */
const FORM = /^(session|key|person):(.+)$/s;

export function nameOf(author: string, t: Text['author']): string {
  const [, kind, id = ''] = FORM.exec(author) ?? [];
  return kind === undefined ? author : t[kind as 'session' | 'key' | 'person'](id);
}

interface AuthorProps {
  /** What the server proved about the caller; undefined or empty: nothing. */
  author: string | undefined;
}

/** What is proven about a writer, beside the name that the writer only claims. */
export function Author({ author = '' }: AuthorProps) {
  const { author: t } = useText();
  if (author === '') {
    return (
      <span className="author claimed" title={t.claimedText}>
        {t.claimed}
      </span>
    );
  }
  return (
    <span className="author proven" title={`${t.provenText} ${showReordering(author)}`}>
      <Icon name="shield" size={14} />
      <Foreign>{nameOf(author, t)}</Foreign>
    </span>
  );
}
