import { htmlEscape } from 'escape-goat';

/** HTML that is safe to send: made by `html`, never by joining strings. */
export interface Html {
  readonly html: string;
}

/** Text in `${}` is escaped; what `html` made is taken as it is. */
export function html(parts: TemplateStringsArray, ...values: (string | number | Html)[]): Html {
  const written = values.map((value) => (typeof value === 'object' ? value.html : htmlEscape(String(value))));
  return { html: String.raw({ raw: parts }, ...written) };
}

export interface Page {
  title: string;
  main: Html;
  /** File of `dist/browser` that brings the page to life. */
  script?: string;
}

/** A whole document. Nothing inline: the content security policy allows none. */
export function renderDocument({ title, head, body }: { title: string; head: Html; body: Html }): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="icon" type="image/svg+xml" href="/assets/icon.svg">
${head}
</head>
<body>
${body}
</body>
</html>
`.html;
}

/** Whose page it is, as the dashboard shows it. */
const BRAND = html`<p class="brand"><svg width="18" height="18" viewBox="0 0 24 24" aria-hidden="true"><path d="M4 5h16v14H4zM8 9.5h8M8 12.5h8M8 15.5h4"/></svg>vault-relay</p>`;

/** A page for people, in the look of all of them. */
export function renderPage({ title, main, script }: Page): string {
  const live = script === undefined ? html`` : html`<script type="module" src="/assets/${script}"></script>`;
  return renderDocument({
    title: `${title} · vault-relay`,
    head: html`<link rel="stylesheet" href="/assets/page.css">${live}`,
    body: html`<main>${BRAND}${main}</main>`,
  });
}
