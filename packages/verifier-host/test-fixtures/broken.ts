/** Writes verifier packages that are wrong in one thing each, into a folder. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const manifest = {
  id: 'broken',
  version: '1.0.0',
  sdk: '^1',
  title: 'Broken',
  levels: ['easy'],
  limits: { timeMs: 1000, memoryMb: 64 },
  permissions: { net: [], read: [], env: [] },
};

/** The folder of a package named `@evenkeel/verifier-broken` with this module. */
export function writePackage(folder: string, module: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "name": "@evenkeel/verifier-broken", "exports": "./index.js" }');
  writeFileSync(join(folder, 'index.js'), module);
  return folder;
}

/** A module whose manifest differs in these fields. */
export function moduleWith(changes: Readonly<Record<string, unknown>>, head = ''): string {
  return `${head}\nexport default { manifest: ${JSON.stringify({ ...manifest, ...changes })}, score: () => ({ kind: 'abstained', reason: 'idle' }) };`;
}
