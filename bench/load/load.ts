import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Job, Outcome } from './job.ts';

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));

type Answer = { outcome: Outcome } | { error: string };

/** The process that generates the load, one job at a time. */
export class Load {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #answered: (answer: Answer) => void = () => undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (answer: Answer) => this.#answered(answer));
    this.#ended = once(child, 'exit').then(() => this.#answered({ error: 'The load process ended.' }));
  }

  static async start(): Promise<Load> {
    const child = fork(WORKER, {
      execArgv: ['--import', 'tsx'],
      env: { ...process.env, NODE_ENV: 'production' },
    });
    await once(child, 'message');
    return new Load(child);
  }

  /** @throws Error with the message of the error in the load process */
  async run(job: Job): Promise<Outcome> {
    const answer = await new Promise<Answer>((resolve) => {
      this.#answered = resolve;
      this.#child.send(job);
    });
    if ('error' in answer) throw new Error(`${job.kind}: ${answer.error}`);
    return answer.outcome;
  }

  async stop(): Promise<void> {
    this.#child.disconnect();
    await this.#ended;
  }
}
