import type { Config } from '../config.ts';
import { isLoopback } from '../net/own-names.ts';

/** @returns the address that signs a person in at the dashboard, once */
export const linkOf = (base: string, code: string): string => `${base.replace(/\/$/, '')}/#in=${code}`;

/** The address of the server with these settings, which may run elsewhere. */
export function baseOf({ publicBaseUrl, host, port }: Config): string {
  if (publicBaseUrl !== undefined) return publicBaseUrl;
  // An address such as 0.0.0.0 stands for all addresses of the machine, which include this one.
  const name = isLoopback(host) ? host : '127.0.0.1';
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
