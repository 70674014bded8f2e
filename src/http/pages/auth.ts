import type { LoginRequest } from '../../session/login-store.ts';
import { otpOf } from '../../session/otp.ts';
import { html, type Page } from './layout.ts';

/** The sentence for each outcome of a request. */
const OUTCOMES: Record<Exclude<LoginRequest['status'], 'pending'> | 'expired', string> = {
  granted: 'This session was granted. You can close this page.',
  denied:
    'This session was denied, or its code was entered wrongly too often. Start the login again in atem.',
  revoked: 'This session was revoked. Start the login again in atem.',
  expired: 'This request has expired. Start the login again in atem.',
};

export const UNKNOWN_SESSION: Page = {
  title: 'Unknown session',
  main: html`<h1>There is no such session</h1>
<p>The address may be incomplete, or the request expired long ago. Start the login again in atem.</p>`,
};

/** The page on which a person grants or denies a request. @param id the session's id, which the address carries */
export function authPage(id: string, request: LoginRequest): Page {
  const { hostname } = request;
  const status = request.status === 'pending' && request.remainingMs <= 0 ? 'expired' : request.status;
  if (status !== 'pending') {
    return {
      title: 'Session',
      main: html`<h1>Session of <span class="host">${hostname}</span></h1><p role="status">${OUTCOMES[status]}</p>`,
    };
  }
  const otp = otpOf(id);
  const query = new URLSearchParams({ id, tag: hostname, otp }).toString().replaceAll('+', '%20');
  return {
    title: 'Grant a session',
    script: 'auth.js',
    main: html`<h1>An agent on <span class="host">${hostname}</span> asks for a session</h1>
<p>Compare this code with the one in its terminal:</p>
<p class="code" id="otp">${otp}</p>
<p class="faint">Expires in <span id="countdown" data-remaining-ms="${Math.floor(request.remainingMs)}"></span>.</p>
<p><a class="button primary" id="open-app" href="astation://auth?${query}">Open in Astation</a></p>
<p class="faint">Without the app, decide here. A session that is granted here can use vaults once your Astation vouches for it.</p>
<div class="actions" id="decide" data-session="${id}" data-otp="${otp}">
<button class="button" id="grant" type="button">Grant</button>
<button class="button" id="deny" type="button">Deny</button>
</div>
<p role="status" id="status" aria-live="polite"></p>
<noscript><p>Granting and denying on this page needs JavaScript; Astation does not.</p></noscript>`,
  };
}
