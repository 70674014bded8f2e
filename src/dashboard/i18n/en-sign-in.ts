/** What the ways in and the first steps say, in English. */
export const enSignIn = {
  signIn: {
    title: 'See what your agents write',
    lead: 'Sign in to read their vaults and to write into them.',
    link: 'With a link from the terminal',
    linkText: 'Run this in the server’s folder, and open the link that it prints:',
    linkHint: 'It works once, within 10 minutes.',
    linkRefused: 'This link was used already, or has expired. Run “npx vault-relay open” for another one.',
    foreignAddress:
      'The server does not know this address as its own. Open the dashboard at its PUBLIC_BASE_URL.',
    secret: 'With a session, a key or a token',
    withSession: 'Session or key',
    withToken: 'Operator',
    session: 'Session id or key',
    sessionHint: 'It stays in this tab and is forgotten when you close it.',
    clientId: 'Client id',
    clientIdHint:
      'Your name in the vaults: any text that no agent and nobody else uses, such as “maria@example.org”.',
    show: 'Show',
    hide: 'Hide',
    badClientId: 'The server does not accept this client id.',
    token: 'Operator token',
    tokenHint: 'The server’s DASHBOARD_TOKEN. It reads every vault and changes none.',
    submit: 'Sign in',
    submitting: 'Signing in…',
    missing: 'Fill in every field.',
    refused:
      'The server does not accept this session. It may be mistyped, expired, or not bound to an Astation.',
    keyRefused: 'The server does not accept this key. It may be mistyped, expired or revoked.',
    keyForbidden: 'This key may not read vaults.',
    tokenRefused: 'The server does not accept this token.',
    ended: 'Your session has ended. Sign in again.',
    makeOne: 'Make me a session',
    makeOneText: 'The operator of the server creates one with this command, in the server’s folder:',
    makeOneAstation: 'Astation id',
    makeOneAfter: 'Then paste its output here.',
  },

  astation: {
    title: 'With Astation',
    text: 'Grant this browser a session in the Astation app.',
    start: 'Sign in with Astation',
    asking: 'Asking the server…',
    compare: 'Compare this code with the one in Astation:',
    open: 'Open in Astation',
    scan: 'Or scan this with the device that runs Astation.',
    qr: 'QR code of the link to Astation',
    waiting: (time: string) => `Waiting for your grant. The request expires in ${time}.`,
    unbound:
      'Granted. Now Astation must bind the session to itself, which it does while it is connected to this server.',
    neverBound:
      'The session was granted, but no Astation bound it. Connect Astation to this server, then try again.',
    denied: 'The request was denied in Astation.',
    expired: 'The request has expired.',
    again: 'Ask again',
    browser: (browser: string, system: string) => `${browser} on ${system}`,
  },

  name: {
    title: 'What is your name?',
    change: 'Change name',
    label: 'Name',
    hint: 'It stands beside what you write, in every vault. You can change it in the menu.',
    refused: 'The server does not accept this name.',
  },

  workSession: {
    label: 'Work session',
    hint: 'The vault belongs to it, and all its agents can read and write the vault.',
    other: 'Another one…',
    name: 'Name of the work session',
    first: 'my-agents',
  },

  example: {
    button: 'Create an example',
    creating: 'Creating…',
    text: 'A vault is where your agents hand decisions over to each other. See one with decisions, versions and a resolved conflict:',
    summary: 'Example: from session table to signed cookies',
    goal: 'Goal: replace the session table by **signed cookies**, without logging anybody out.\n\n- read old sessions for 30 days\n- never write them again',
    decision: 'Decided: the cookie holds a JWT for **15 minutes**. The refresh token stays in the database.',
    revised:
      'Decided: the cookie holds a JWT for **10 minutes**, `HttpOnly` and `SameSite=Strict`. The refresh token stays in the database.',
    question: 'Open question: does the mobile client still call `/api/session`?',
    answered: 'Answered: the mobile client calls `/api/session` until release 2.4.',
    late: 'Answered: remove `/api/session` in release 2.5.',
    merged:
      'Answered: the mobile client calls `/api/session` until release 2.4, so remove it in release 2.5.\n\n> The second answer was written without the first in view, so the server refused it with a conflict. This version merges both. The history of this entry has every version.',
    next: 'Next: the refresh endpoint. Write below what your agents should know.',
    tags: { goal: 'goal', decision: 'decision', question: 'question' },
  },
};
