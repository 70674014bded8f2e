import { type Contract, fillRequest, MissingVariable, type Step, type Variables } from './contract.ts';
import { type Document, isObject, pick } from './document.ts';
import { AnswerJudge, type LiveAnswer } from './judge.ts';
import { type Finding, type Problem, within } from './problem.ts';
import { readFaults } from './reads.ts';

/** Finds parts of an answer that the contract does not allow. */
function contractFindings({ answer }: Step, { status, headers, body }: LiveAnswer): Finding[] {
  const place = `answer ${status}`;
  if (status !== answer.status) {
    const reason = isObject(body) && typeof body.error === 'string' ? `: ${body.error}` : '';
    return [{ field: place, message: `${answer.status} was expected${reason}` }];
  }
  const findings: Finding[] = [];
  for (const [name, pattern] of Object.entries(answer.headers)) {
    const value = headers.get(name);
    const field = `${place}: header ${name}`;
    if (value === null) findings.push({ field, message: 'is not there' });
    else if (!new RegExp(pattern, 'u').test(value))
      findings.push({ field, message: `is ${JSON.stringify(value)}, which does not match ${pattern}` });
  }
  return [...findings, ...within(place, readFaults(body, { read: answer.body }))];
}

/** The HTTP time-out of the released client. */
const TIMEOUT_MS = 30_000;

async function send(url: string, step: Step, variables: Variables): Promise<LiveAnswer & { path: string }> {
  const { method, path, query, headers, body } = fillRequest(step, variables);
  const response = await fetch(`${url}${path}${query === '' ? '' : `?${query}`}`, {
    method,
    headers,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const parse = () => {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  };
  return { status: response.status, headers: response.headers, body: parse(), path };
}

function capture({ capture: wanted = {} }: Step, body: unknown): Variables {
  const found = Object.entries(wanted).map(([name, pointer]) => [name, pick(body, pointer)]);
  return Object.fromEntries(
    found.filter(([, value]) => typeof value === 'string' || typeof value === 'number'),
  );
}

export interface Replay {
  /** Address of the server, without a slash at its end. */
  url: string;
  document: Document;
  contract: Contract;
  /** The contract's variables that no step captures. */
  variables: Variables;
}

/** Sends every request of the contract in order, and checks each answer against the contract and the document. */
export async function replay({ url, document, contract, variables }: Replay): Promise<Problem[]> {
  const judge = new AnswerJudge(document);
  const known: Variables = { ...variables };
  const problems: Problem[] = [];
  for (const step of contract.steps) {
    const report = (call: string, { field, message }: Finding) =>
      problems.push({ call, field, message: `${message} (${step.name})` });
    try {
      const { path, ...answer } = await send(url, step, known);
      const operation = judge.findOperation(step.request.method, path);
      const call = operation?.call ?? `${step.request.method} ${step.request.path}`;
      const findings = new Map<string, Finding>();
      // The contract comes first. If both report a field, its finding names the affected consumer.
      for (const finding of [
        ...contractFindings(step, answer),
        ...(operation
          ? judge.judge(operation, answer)
          : [{ field: 'call', message: 'the document does not know this call' }]),
      ]) {
        if (!findings.has(finding.field)) findings.set(finding.field, finding);
      }
      for (const finding of findings.values()) report(call, finding);
      Object.assign(known, capture(step, answer.body));
    } catch (error) {
      if (!(error instanceof MissingVariable)) throw error;
      report(`${step.request.method} ${step.request.path}`, { field: 'request', message: error.message });
    }
  }
  return problems;
}
