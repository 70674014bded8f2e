import type { Limits } from '../../config.ts';
import type { RestRoute } from '../rest/routes.ts';

const SECURITY_SCHEMES = {
  session: {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description: 'The word `session`, a space, and the session id.',
  },
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description:
      'The session id as a bearer token; equivalent to the scheme `session`. A key (`vr_…`) may stand in its place, under either scheme. The client id of a key is pinned: leave out `id`, or send that one. Its scopes decide which calls it may make, and perhaps its list of vaults which vaults it reaches.',
  },
  key: {
    type: 'http',
    scheme: 'bearer',
    description: 'A key with the scope `admin` as a bearer token. No session may make these calls.',
  },
  dashboard: {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description:
      'For operators: the word `dashboard`, a space, and the `DASHBOARD_TOKEN` or `ADMIN_TOKEN` of the server.',
  },
  admin: {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description:
      'For operators who administer: the word `dashboard`, a space, and the `ADMIN_TOKEN` of the server.',
  },
  clientId: {
    type: 'apiKey',
    in: 'query',
    name: 'id',
    description: 'The client id of the caller, percent-encoded; atem sends its instance id.',
  },
} as const;

/** The ways in, as the document describes them. */
export const securitySchemes = ({ clientIdCharacters }: Limits) => ({
  session: SECURITY_SCHEMES.session,
  bearer: SECURITY_SCHEMES.bearer,
  key: SECURITY_SCHEMES.key,
  dashboard: SECURITY_SCHEMES.dashboard,
  admin: SECURITY_SCHEMES.admin,
  clientId: {
    ...SECURITY_SCHEMES.clientId,
    description: `${SECURITY_SCHEMES.clientId.description} 1 to ${clientIdCharacters} characters.`,
  },
});

/** A session in one of its two forms, and a client id. */
const SESSION_SECURITY = [
  { session: [], clientId: [] },
  { bearer: [], clientId: [] },
];

/** Of the calls that sessions may not make. */
const ADMINISTRATOR_SECURITY = [{ key: [] }, { admin: [] }];

export const isGuarded = ({ operation }: RestRoute) => operation.who !== 'anybody';
export const isForAdministrators = ({ operation }: RestRoute) => operation.who === 'administrator';
export const isRead = ({ openapi }: RestRoute) => openapi.method === 'GET';

/** Any one of these lets a request in: what each names is needed together. */
export function securityOf(route: RestRoute): object[] {
  if (!isGuarded(route)) return [];
  if (isForAdministrators(route)) return ADMINISTRATOR_SECURITY;
  return route.operation.who === 'caller' ? SESSION_SECURITY : [...SESSION_SECURITY, { dashboard: [] }];
}

/** The client id once more, because generated clients make no parameter out of a security scheme. */
export const clientIdParameter = (route: RestRoute, limits: Limits) => ({
  name: SECURITY_SCHEMES.clientId.name,
  in: SECURITY_SCHEMES.clientId.in,
  // Operators read without one.
  required: !isRead(route),
  description: securitySchemes(limits).clientId.description,
  schema: { type: 'string', pattern: '^[^\\u0000]*$', minLength: 1, maxLength: limits.clientIdCharacters },
});
