import { spawn } from 'node:child_process';

/**
 * The program that opens an address in the browser.
 * @returns undefined where there is no browser, such as on a server
 */
export function openerOf(
  platform: NodeJS.Platform,
  env: NodeJS.ProcessEnv,
): [command: string, ...args: string[]] | undefined {
  if (platform === 'darwin') return ['open'];
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler'];
  return env.DISPLAY || env.WAYLAND_DISPLAY ? ['xdg-open'] : undefined;
}

/** Opens an address in the browser, where there is one, and does not wait for it. */
export function openBrowser(address: string): void {
  const [command, ...args] = openerOf(process.platform, process.env) ?? [];
  if (command === undefined) return;
  const opener = spawn(command, [...args, address], { stdio: 'ignore', detached: true });
  opener.on('error', () => undefined); // the link was printed, so a person can open it
  opener.unref();
}
