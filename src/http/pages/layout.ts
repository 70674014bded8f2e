import { htmlEscape } from 'escape-goat';

/** HTML that is safe to send. Only `html` makes it, never string concatenation. */
export interface Html {
  readonly html: string;
}

/** Makes HTML. Text in `${}` is escaped; nested `html` is inserted unchanged. */
export function html(parts: TemplateStringsArray, ...values: (string | number | Html)[]): Html {
  const written = values.map((value) => (typeof value === 'object' ? value.html : htmlEscape(String(value))));
  return { html: String.raw({ raw: parts }, ...written) };
}

export interface Page {
  title: string;
  main: Html;
  /** The script of the page, a file of `dist/browser`. */
  script?: string;
}

/** Renders a whole document, without inline code, because the content security policy forbids it. */
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

/** The logo and name, as on the dashboard. */
const BRAND = html`<p class="brand"><svg width="18" height="18" viewBox="0 0 24 24" aria-hidden="true"><path d="M4 5h16v14H4zM8 9.5h8M8 12.5h8M8 15.5h4"/></svg>vault-relay</p>`;

/** Renders a page in the common layout. */
export function renderPage({ title, main, script }: Page): string {
  const live = script === undefined ? html`` : html`<script type="module" src="/assets/${script}"></script>`;
  return renderDocument({
    title: `${title} · vault-relay`,
    head: html`<link rel="stylesheet" href="/assets/page.css">${live}`,
    body: html`<main>${BRAND}${main}</main>`,
  });
}
