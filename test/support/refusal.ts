import { RelayError } from '../../src/errors.ts';

/** @returns how a store refused a call, as `CODE: message`. @throws any other error */
export async function refusalOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (thrown) {
    if (thrown instanceof RelayError) return `${thrown.code}: ${thrown.message}`;
    throw thrown;
  }
  throw new Error('The call was not refused');
}
