import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { type Attacker, attack, whileOthersAreServed } from '../support/attack.ts';
import { RestVaults } from '../support/client.ts';
import { createSession, serve, stop, withDataDir } from '../support/process.ts';

const SOCKETS = 3000;
const AT_ONCE = 250;

/** Files and sockets that a process of this machine may open. */
const openFilesLimit = Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' })) || 1_000_000;
const tooFew = openFilesLimit < SOCKETS + 500;
if (tooFew)
  console.log(`${SOCKETS} idle sockets need "ulimit -n ${SOCKETS + 500}"; it is ${openFilesLimit}.`);

test.skipIf(tooFew)(
  `${SOCKETS} connections that send nothing are cut within seconds, and others are served (needs ulimit -n ${SOCKETS + 500})`,
  async () => {
    await withDataDir(async (DATA_DIR) => {
      const { program, url } = await serve({ DATA_DIR, MAX_CONNECTIONS_PER_ADDRESS: String(2 * SOCKETS) });
      const session = await createSession({ DATA_DIR }, 'st');
      const vaults = new RestVaults(url, { session, clientId: 'other' });
      await whileOthersAreServed(vaults, async () => {
        const idle: Attacker[] = [];
        while (idle.length < SOCKETS) {
          idle.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => attack(url)))));
        }
        await Promise.all(idle.map(({ ended }) => ended));
        expect(new Set(idle.map(({ received }) => received().slice(0, 12)))).toEqual(
          new Set(['HTTP/1.1 408']),
        );
      });
      expect((await stop(program)).code).toBe(0);
    });
  },
);
