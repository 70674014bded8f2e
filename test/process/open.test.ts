import { describe, expect, test } from 'vitest';
import { callAsPage, cookieOf } from '../support/person.ts';
import { createSession, runHere, serve, stop, useDataDir } from '../support/process.ts';

const withDatabase = useDataDir();

const LINK = /^(http:\/\/127\.0\.0\.1:\d+)\/#in=([\w-]{32})$/;

/** Signs in by a link, as the dashboard does. */
async function follow(url: string, link: string) {
  const [, , code] = LINK.exec(link.trim()) ?? [];
  expect(code).toBeDefined();
  return callAsPage(url, ['POST', 'person.signIn', { code }]);
}

describe('sign-in links', () => {
  test('the start prints a link on loopback, which signs an operator in once', async () => {
    await withDatabase(async (DATA_DIR) => {
      const { program, url } = await serve({ DATA_DIR });
      try {
        const [, link = ''] = await program.printed(/^Dashboard: (\S+)$/m);
        expect(link.startsWith(`${url}/#in=`)).toBe(true);
        const answer = await follow(url, link);
        expect(answer).toMatchObject({
          status: 200,
          data: { role: 'operator', name: null, work_session_id: null },
        });
        expect(await follow(url, link)).toMatchObject({ status: 401 });
        expect(program.stderr).not.toContain('#in=');
      } finally {
        await stop(program);
      }
    });
  });

  test.each([
    ['other machines reach it', { HOST: '0.0.0.0' }],
    ['a proxy passes other machines on', { PUBLIC_BASE_URL: 'https://relay.example' }],
  ])('the start prints no link where %s', async (_, env) => {
    await withDatabase(async (DATA_DIR) => {
      const { program } = await serve({ DATA_DIR, ...env });
      await program.printed(/agent-b/);
      await stop(program);
      expect(program.stdout).not.toContain('#in=');
    });
  });

  test('open prints a link beside a running server, for a member or an operator', async () => {
    await withDatabase(async (DATA_DIR) => {
      const { program, url } = await serve({ DATA_DIR });
      try {
        const env = { DATA_DIR, PORT: new URL(url).port };
        const member = await runHere(['open', '--work-session', 'st-1', '--name', 'Maria'], env);
        expect(member).toMatchObject({ code: 0, stderr: expect.stringContaining('a member of st-1') });
        const answer = await follow(url, member.stdout);
        expect(answer.data).toMatchObject({ role: 'member', name: 'Maria', work_session_id: 'st-1' });
        const operator = await runHere(['open', '--operator', '--json'], env);
        expect(operator.stderr).toBe('');
        const { link } = JSON.parse(operator.stdout) as { link: string };
        expect((await follow(url, link)).data).toMatchObject({ role: 'operator' });

        await createSession({ DATA_DIR }, 'st-1');
        const listed = JSON.parse((await runHere(['session', 'list', '--json'], env)).stdout) as {
          kind: string;
          name: string | null;
          fingerprint: string;
        }[];
        expect(listed.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['person', 'session']));
        const maria = listed.find(({ name }) => name === 'Maria');
        expect((await runHere(['session', 'list'], env)).stdout).toMatch(/^FINGERPRINT +KIND +STATUS/);
        expect(await runHere(['session', 'revoke', maria?.fingerprint ?? ''], env)).toMatchObject({
          code: 0,
        });
        const me = await callAsPage(url, ['GET', 'person.me'], { cookie: cookieOf(answer) });
        expect(me).toMatchObject({ data: null });
      } finally {
        await stop(program);
      }
    });
  });

  test('the link names the public address of the server', async () => {
    await withDatabase(async (DATA_DIR) => {
      const { stdout } = await runHere(['open'], { DATA_DIR, PUBLIC_BASE_URL: 'https://relay.example/' });
      expect(stdout).toMatch(/^https:\/\/relay\.example\/#in=[\w-]{32}\n$/);
    });
  });

  test.each([
    [['--operator', '--work-session', 'st-1'], 'cannot be used with'],
    [['--name', ''], 'must not be empty'],
    [['--name', 'a\nb'], 'must not contain control characters'],
    [['--work-session', ''], 'It must have 1 to 255 bytes'],
  ])('open refuses %j in one sentence', async (args, sentence) => {
    await withDatabase(async (DATA_DIR) => {
      const { code, stdout, stderr } = await runHere(['open', ...args], { DATA_DIR });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(sentence);
    });
  });
});
