import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { importsOf, layerFindings } from '../infra/gate/layers.ts';

describe('layerFindings()', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'evenkeel-layers-'));
    put('package.json', { name: 'evenkeel', devDependencies: { vitest: '1' } });
    put('packages/core/package.json', { name: '@evenkeel/core' });
    put('packages/store/package.json', { name: '@evenkeel/store', dependencies: { '@evenkeel/core': '1' } });
    put('packages/activities/package.json', { name: '@evenkeel/activities', dependencies: { '@evenkeel/store': '1' } });
    put('workflows/package.json', { name: '@evenkeel/workflows', dependencies: { '@evenkeel/activities': '1' } });
    put('verifiers/zebra/package.json', { name: '@evenkeel/verifier-zebra', dependencies: { '@evenkeel/core': '1' } });
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function put(path: string, content: string | object): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), typeof content === 'string' ? content : JSON.stringify(content));
  }

  test('this repository has no arrow that points up', () => {
    expect(layerFindings(join(import.meta.dirname, '..'))).toEqual([]);
  });

  test('arrows that point down are in order', () => {
    put('packages/store/src/a.ts', `import { hashOf } from '@evenkeel/core';\nimport { join } from 'node:path';\n`);
    put('packages/core/src/a.test.ts', `import { test } from 'vitest';\nimport 'node:fs';\n`);
    put('workflows/src/a.ts', `import type { plan } from '@evenkeel/activities';\n`);
    expect(layerFindings(root)).toEqual([]);
  });

  test('an import and a dependency that point up are found', () => {
    put('packages/core/package.json', { name: '@evenkeel/core', dependencies: { '@evenkeel/store': '1' } });
    put('packages/core/src/a.ts', `export {\n  put,\n} from '@evenkeel/store';\n`);
    expect(layerFindings(root)).toEqual([
      'packages/core/package.json depends on @evenkeel/store: an arrow may only point down, and this one goes from layer 0 to layer 2',
      'packages/core/src/a.ts imports @evenkeel/store: an arrow may only point down, and this one goes from layer 0 to layer 2',
    ]);
  });

  test('Node in a package that must run in a browser is found', () => {
    put('packages/core/src/a.ts', `import { readFileSync } from 'node:fs';\n`);
    expect(layerFindings(root)).toEqual(['packages/core/src/a.ts imports node:fs: it must run where there is no Node']);
  });

  test('activities in a workflow as more than types are found', () => {
    put('workflows/src/a.ts', `import { plan, type Plan } from '@evenkeel/activities';\n`);
    expect(layerFindings(root)).toEqual([
      'workflows/src/a.ts imports @evenkeel/activities: workflows know the types of activities only: use `import type`',
    ]);
  });

  test('a verifier that uses more than the contract is found', () => {
    put('verifiers/zebra/src/a.ts', `import { put } from '@evenkeel/store';\n`);
    expect(layerFindings(root)).toEqual([
      'verifiers/zebra/src/a.ts imports @evenkeel/store: a verifier may only use packages/core and packages/verifier',
    ]);
  });

  test('an undeclared package, and a relative way into another package, are found', () => {
    put('packages/store/src/a.ts', `import { z } from 'zod';\nimport { x } from '../../core/src/a.ts';\n`);
    expect(layerFindings(root)).toEqual([
      'packages/store/src/a.ts imports zod: packages/store/package.json does not declare zod',
      'packages/store/src/a.ts imports ../../core/src/a.ts: it leaves its package: import the other one by its name',
    ]);
  });
});

describe('importsOf()', () => {
  test('sees statements, re-exports, side effects and dynamic imports, and tells types apart', () => {
    const source = [
      `import type { A } from 'a';`,
      `import { type B, type C } from 'b';`,
      `import d, { type E } from 'd';`,
      `export * from 'e';`,
      `import 'f';`,
      `const g = await import('g');`,
    ].join('\n');
    expect(importsOf(source)).toEqual([
      { specifier: 'a', typeOnly: true },
      { specifier: 'b', typeOnly: true },
      { specifier: 'd', typeOnly: false },
      { specifier: 'e', typeOnly: false },
      { specifier: 'f', typeOnly: false },
      { specifier: 'g', typeOnly: false },
    ]);
  });

  test('does not take an example in a comment for an import', () => {
    expect(importsOf(`/**\n * import { x } from 'x';\n * const y = await import('y');\n */\n`)).toEqual([]);
  });
});
