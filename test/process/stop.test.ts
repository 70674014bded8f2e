import { expect, test } from 'vitest';
import { attack } from '../support/attack.ts';
import { useDatabase } from '../support/database.ts';
import { type Program, serve, stop, withDataDir } from '../support/process.ts';

const database = useDatabase();

/** A request whose body never ends: the stop waits for it, up to its time. */
async function holdOpen(url: string) {
  const attacker = await attack(url);
  attacker.socket.write(
    'POST /api/sessions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{',
  );
  // The answer to a second request shows that the first was taken up.
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
  return attacker;
}

const readiness = async (url: string) => {
  const { status } = (await (await fetch(`${url}/health/ready`)).json()) as { status: string };
  return status;
};

/** Sends a signal again and again until the program has ended. */
async function insist(program: Program, signal: NodeJS.Signals): Promise<void> {
  const timer = setInterval(() => program.signal(signal), 100);
  await program.finished;
  clearInterval(timer);
}

test('SIGTERM fails readiness first, waits for requests in flight, and exits with 0', async () => {
  const { program, url } = await serve({ DATABASE_URL: database.url, LOG_LEVEL: 'debug' });
  const held = await holdOpen(url);
  expect(await readiness(url)).toBe('ok');
  program.signal('SIGTERM');
  await expect.poll(() => readiness(url)).toBe('stopping');
  held.socket.write(`"hostname":"${'h'.repeat(84)}"}`);
  await expect.poll(held.received).toMatch(/^HTTP\/1\.1 201 /);
  const { code, stderr } = await program.finished;
  expect(code).toBe(0);
  const steps = [...stderr.matchAll(/"step":"([^"]+)"/g)].map((match) => match[1]);
  // What both halves of the stop end counts where it ends first.
  expect([...new Set(steps)]).toEqual([
    'delay',
    'waiting reads and subscriptions',
    'relay sockets',
    'requests in flight',
    'sweeper',
    'search index',
    'write queue',
    'relay',
    'listener',
    'last statement of the search index',
    'pool',
  ]);
});

test('a second signal, more than a second later, ends it at once', async () => {
  await withDataDir(async (DATA_DIR) => {
    const { program, url } = await serve({ DATA_DIR });
    await holdOpen(url);
    const from = performance.now();
    program.signal('SIGTERM');
    await insist(program, 'SIGTERM');
    const { code, stderr } = await program.finished;
    expect(code).toBe(1);
    expect(stderr).toContain('Second signal: ending at once');
    expect(performance.now() - from).toBeGreaterThan(1000);
    const next = await serve({ DATA_DIR });
    expect(await readiness(next.url)).toBe('ok');
    await stop(next.program);
  });
});

test('the delay for balancers passes before anything ends', async () => {
  const { program, url } = await serve({ DATABASE_URL: database.url, SHUTDOWN_DELAY_SECONDS: '2' });
  const from = performance.now();
  program.signal('SIGTERM');
  await expect.poll(() => readiness(url)).toBe('stopping');
  expect((await program.finished).code).toBe(0);
  expect(performance.now() - from).toBeGreaterThan(1900);
});

test('metrics are on a separate port until the end, and not on the main port; a port in use stops the start by name', async () => {
  const { program, url } = await serve({ DATABASE_URL: database.url, METRICS_PORT: '0' });
  const [, port] = await program.printed(/"port":(\d+),"msg":"Metrics are at/, 'stderr');
  const metrics = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  expect(await metrics()).toMatch(/^vault_relay_pool\{state="total"\} [1-9]/m);
  expect((await fetch(`${url}/metrics`)).status).toBe(404);
  const second = serve({ DATABASE_URL: database.url, METRICS_PORT: String(port) });
  await expect(second).rejects.toThrow('METRICS_PORT to another port');
  const held = await holdOpen(url);
  program.signal('SIGTERM');
  await expect.poll(() => readiness(url)).toBe('stopping');
  expect(await metrics()).toMatch(/^vault_relay_request_duration_seconds_count/m);
  held.socket.destroy();
  expect((await program.finished).code).toBe(0);
});
