import type { Database } from '../../db/client.ts';
import { Batcher } from '../../queues/batcher.ts';
import { type HeadAnswer, type HeadQuestion, readHeads } from '../follow/head-store.ts';
import type { ViewCache } from './view-cache.ts';

/** Kept views whose newer rows one statement returns, which bounds the bytes of its answer. */
const MAX_VIEWS_TO_ADVANCE = 64;

const keyOf = ({ vaultId, workSessionId, readsAs }: HeadQuestion) =>
  JSON.stringify([vaultId, workSessionId, readsAs]);

/**
 * Asks also for the rows that kept views lack. One work session asks once about a vault, and every one asks, because a
 * refused caller gets no rows.
 */
function askForNewer(questions: Iterable<HeadQuestion>, rendered: ViewCache): HeadQuestion[] {
  const asked = new Set<string>();
  return Array.from(questions, (question) => {
    const keptHead = rendered.headOf(question.vaultId);
    const key = keyOf({ ...question, readsAs: null });
    if (keptHead === undefined || asked.has(key) || asked.size === MAX_VIEWS_TO_ADVANCE) return question;
    asked.add(key);
    return { ...question, keptHead };
  });
}

/**
 * Makes the function that asks for the head of a vault. Questions of many readers share a statement, and equal ones are one
 * question. The statement also returns the rows that kept views lack. These become part of the views before the questions
 * are answered.
 * @throws RelayError `SERVICE_UNAVAILABLE`
 */
export function makeHeadOf(
  db: Database,
  rendered: ViewCache,
): (question: HeadQuestion) => Promise<HeadAnswer | undefined> {
  const batcher = new Batcher(async (questions: HeadQuestion[]) => {
    const keys = questions.map(keyOf);
    const places = new Map(keys.map((key, i) => [key, questions[i] as HeadQuestion]));
    const different = askForNewer(places.values(), rendered);
    const answers = await readHeads(db, different);
    different.forEach(({ vaultId }, i) => {
      const answer = answers[i];
      if (answer?.newer) rendered.advance(vaultId, answer);
    });
    const found = new Map([...places.keys()].map((key, i) => [key, answers[i]]));
    return keys.map((key) => found.get(key));
  });
  return (question) => batcher.ask(question);
}
