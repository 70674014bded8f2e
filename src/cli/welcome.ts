import type { Config } from '../config.ts';

/**
 * What a newcomer needs right after the start: where, how to make a session, and a first hand-over.
 * @param link to the dashboard; undefined: other machines reach the server, so its output may not hold a secret
 */
export function welcome(url: string, config: Config, link: string | undefined): string {
  const base = config.publicBaseUrl ?? url;
  return `
vault-relay listens on ${url}
${link === undefined ? '' : `\nDashboard: ${link}\n`}
Create a session for each agent of one Astation (in another terminal, in this folder):
  npx vault-relay session create --astation my-astation

Hand over a note:
  export S=<session_id>
  curl -H "Authorization: session $S" -H 'content-type: application/json' \\
    -d '{"summary":"auth refactor"}' '${base}/api/vault?id=agent-a'
  export V=<vault_id>
  curl -H "Authorization: session $S" -H 'content-type: application/json' \\
    -d '{"text":"decided: JWT in a cookie"}' "${base}/api/vault/$V?id=agent-a"
  curl -H "Authorization: session $S" "${base}/api/vault/$V?id=agent-b"

`;
}
