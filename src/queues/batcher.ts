import { RelayError } from '../errors.ts';

interface Waiting<Question, Answer> {
  question: Question;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/** The maximum of questions in one statement. */
const MAX_QUESTIONS = 500;
/** The maximum of questions that wait, because each holds a request open. */
const MAX_WAITING = 10_000;

const tooManyWaiting = () =>
  new RelayError('SERVICE_UNAVAILABLE', 'This server has too many queued reads; try again shortly.', {
    retryAfter: 1,
  });

/**
 * Batches small questions. Questions that arrive in one turn of the event loop share a statement, and those that arrive
 * while it is in flight join the next one. Each is answered by a statement that began after the question arrived.
 */
export class Batcher<Question, Answer> {
  readonly #run: (questions: Question[]) => Promise<Answer[]>;
  #waiting: Waiting<Question, Answer>[] = [];
  #running = false;

  /** @param run answers all questions with one statement, in their order */
  constructor(run: (questions: Question[]) => Promise<Answer[]>) {
    this.#run = run;
  }

  /** @throws RelayError `SERVICE_UNAVAILABLE` when too many questions wait, or what the statement throws */
  ask(question: Question): Promise<Answer> {
    if (this.#waiting.length >= MAX_WAITING) return Promise.reject(tooManyWaiting());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject });
      if (this.#running) return;
      this.#running = true;
      setImmediate(() => void this.#drain());
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_QUESTIONS);
      try {
        const answers = await this.#run(batch.map(({ question }) => question));
        batch.forEach(({ resolve }, i) => {
          resolve(answers[i] as Answer);
        });
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running = false;
  }
}
