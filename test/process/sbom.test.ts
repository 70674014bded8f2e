import { exec } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const readJson = async (file: string) => JSON.parse(await readFile(path.join(root, file), 'utf8'));

interface Component {
  name: string;
  version: string;
  properties: { name: string; value: string }[];
}

test('the bill of materials of a release names each dependency, and which are for development alone', async () => {
  await promisify(exec)('npm run sbom', { cwd: root });
  const bill = (await readJson('dist/sbom.cdx.json')) as { bomFormat: string; components: Component[] };
  expect(bill.bomFormat).toBe('CycloneDX');
  const { dependencies, files, scripts } = await readJson('package.json');
  const lock = await readJson('package-lock.json');
  const development = { name: 'cdx:npm:package:development', value: 'true' };
  const find = (name: string) => {
    const { version } = lock.packages[`node_modules/${name}`];
    return bill.components.find((component) => component.name === name && component.version === version);
  };
  for (const name of Object.keys(dependencies)) {
    expect(find(name), name).toBeDefined();
    expect(find(name)?.properties, name).not.toContainEqual(development);
  }
  for (const name of ['vitest', '@biomejs/biome', 'playwright-core']) {
    expect(find(name)?.properties, name).toContainEqual(development);
  }
  // It travels in the package that `npm pack` and `npm publish` make.
  expect(files).toContain('dist');
  expect(scripts.prepack).toBe('npm run sbom');
});
