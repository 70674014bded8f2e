import path from 'node:path';

/** atem refuses a session that it last used over seven days before now: this is 2100. */
const FAR_AHEAD = 4_102_444_800;

export interface AtemSession {
  sessionId: string;
  astation: string;
  hostname: string;
}

/** @returns the `sessions.json` of atem with one session */
export function formatAtemSessions({ sessionId, astation, hostname }: AtemSession): string {
  const session = {
    session_id: sessionId,
    token: 'unused',
    astation_id: astation,
    hostname,
    last_activity: FAR_AHEAD,
  };
  return `${JSON.stringify({ sessions: { [astation]: session } }, null, 2)}\n`;
}

function configFolder(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): string {
  if (platform === 'win32') return '%APPDATA%';
  if (platform === 'darwin') return '~/Library/Application Support';
  // XDG: a relative path is ignored.
  return path.isAbsolute(env.XDG_CONFIG_HOME ?? '') ? `${env.XDG_CONFIG_HOME}` : '~/.config';
}

/** @returns a hint where atem reads that file on a system */
export function whereAtemLooks(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): string {
  const file = `${configFolder(platform, env)}/atem/sessions.json`;
  return [
    `Save it as ${platform === 'win32' ? file.replaceAll('/', '\\') : file}, which atem reads on this system.`,
    'If that file exists, add the entry to its "sessions".',
  ].join('\n');
}
