import { register } from 'node:module';

// The suite imports `globSync`, which Node 20 lacks, for a command that these tests do not use.
const fs = `export * from 'node:fs'; export const globSync = () => [];`;
const url = `data:text/javascript,${encodeURIComponent(fs)}`;
const resolve = `export const resolve = (name, context, next) =>
  name === 'fs' && context.parentURL?.includes('/conformance/')
    ? { url: ${JSON.stringify(url)}, shortCircuit: true }
    : next(name, context);`;
register(`data:text/javascript,${encodeURIComponent(resolve)}`);
