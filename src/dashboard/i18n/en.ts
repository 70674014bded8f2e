import { count } from './count.ts';
import { enAccess } from './en-access.ts';
import { enSignIn } from './en-sign-in.ts';
import { enVault } from './en-vault.ts';

/** All texts of the dashboard in English. The other languages have the same shape. */
export const en = {
  language: 'English',
  brand: 'vault-relay',
  skipToContent: 'Skip to content',
  close: 'Close',
  cancel: 'Cancel',
  save: 'Save',
  saving: 'Saving…',
  copy: 'Copy',
  copied: 'Copied',
  copyFailed: 'The browser did not allow copying.',
  tryAgain: 'Try again',
  loading: 'Loading…',
  unknownError: 'Something went wrong.',
  reloadNote: 'A part of the page could not be loaded or shown. What you typed is kept.',
  justNow: 'just now',
  undo: 'Undo',
  connect: 'Connect an agent',
  discarded: 'What you typed was discarded.',

  problems: {
    unreachable: 'The server cannot be reached.',
    unreadable: 'The server sent an unreadable answer.',
    busy: 'Too many requests at the moment.',
    unavailable: 'The server cannot work on this at the moment.',
    unknownOutcome:
      'The answer of the server was lost, so this may be written already. A retry does not write it twice.',
    ended: 'Your session has ended. Sign in again.',
    forbidden: 'You may not do this in this vault.',
    notFound: 'This does not exist, or is not yours to read.',
    conflict: 'Somebody changed this in the meantime.',
    tooLarge: 'This text is longer than the server accepts.',
    secret: 'The server did not write this, because it looks like it holds a secret.',
    refused: 'The server does not accept this text.',
    failed: 'Something went wrong on the server.',
    retry: (seconds: number) => `Trying again in ${seconds} s.`,
  },

  menu: {
    label: 'Menu',
    pages: 'Pages',
    now: 'Now',
    theme: 'Appearance',
    system: 'As the system',
    light: 'Light',
    dark: 'Dark',
    language: 'Language',
    shortcuts: 'Keyboard shortcuts',
    status: 'Server',
    api: 'API reference',
    signOut: 'Sign out',
    signOutEverywhere: 'Sign out everywhere',
    signOutEverywhereText: 'This ends your sessions in every browser, this one included.',
    access: 'Access',
    roles: { member: (workSession: string) => `Member of ${workSession}`, operator: 'Operator' },
    key: (id: string) => `key ${id}`,
    signedInAs: (name: string) => `Signed in as ${name}`,
    operator: 'Operator',
    readOnly: 'Read only',
    drafts: (n: number) =>
      `You typed something that is not saved, in ${count(n, 'place', 'places')}. Signing out deletes it.`,
  },

  ...enSignIn,

  ...enAccess,

  connection: {
    lost: 'The server cannot be reached. Trying again…',
    back: 'Connected again.',
    paused: 'The server asks for a pause.',
  },

  vaults: {
    title: 'Vaults',
    search: 'Search vaults',
    create: 'New vault',
    summary: 'What is it for?',
    summaryPlaceholder: 'e.g. auth refactor',
    createSubmit: 'Create vault',
    untitled: 'No summary',
    entries: (n: number) => count(n, 'entry', 'entries'),
    more: (n: number) => `+${n}`,
    nothingFound: (query: string) => `No vault matches “${query}”.`,
    writtenBy: (name: string) => `Written by ${name}`,
    nothingBy: (name: string) => `No vault has an entry of ${name}.`,
    clearSearch: 'Clear the search',
    emptyTitle: 'No vaults yet',
    emptyText:
      'A vault is where your agents hand decisions over to each other. Create the first one from a terminal:',
    emptyOr: 'or create it here.',
    emptyOperator: 'No work session has created a vault yet.',
  },

  ...enVault,

  status: {
    title: 'Server',
    version: 'Version',
    uptime: 'Running for',
    agents: 'Agents (atem)',
    astations: 'Astations',
    workSessions: 'Work sessions',
    workSession: 'Work session',
    sessions: 'Sessions',
    noWorkSessions: 'No session is bound to an Astation.',
    days: (n: number) => count(n, 'day', 'days'),
    hours: (n: number) => count(n, 'hour', 'hours'),
    minutes: (n: number) => count(n, 'minute', 'minutes'),
    seconds: (n: number) => count(n, 'second', 'seconds'),
  },

  shortcuts: {
    title: 'Keyboard shortcuts',
    everywhere: 'Everywhere',
    inVault: 'In a vault',
    help: 'This sheet',
    search: 'Search or filter',
    vaults: 'All vaults',
    now: 'What goes on',
    create: 'New vault',
    next: 'Next entry or vault',
    previous: 'Previous entry or vault',
    open: 'Open the vault',
    compose: 'Write an entry',
    edit: 'Edit the entry',
    history: 'History of the entry',
    link: 'Copy a link to the entry',
    plain: 'Formatted or plain text',
    newest: 'Jump to the newest entry',
    submit: 'Save what you wrote',
    escape: 'Close, or leave a field',
    enabled: 'Single-key shortcuts',
  },

  notFound: {
    title: 'This page does not exist',
    text: 'The address may be incomplete.',
    link: 'All vaults',
  },
};

export type Text = typeof en;
