import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { moduleWith, writePackage } from '../test-fixtures/broken.ts';
import { bundleVerifier } from './bundle.ts';
import { findVerifier } from './discover.ts';
import { openSandbox } from './sandbox.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evenkeel-bundle-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('bundleVerifier()', () => {
  test('gives one text without imports, the same each time, and another when a file changes', async () => {
    const found = findVerifier(writePackage(join(folder, 'plain'), moduleWith({})));
    const first = await bundleVerifier(found);
    expect(first.text).not.toMatch(/\b(import|require)\b/);
    expect(await bundleVerifier(found)).toBe(first);
    writeFileSync(found.entry!, moduleWith({ title: 'Another title' }));
    expect((await bundleVerifier(found)).sha256).not.toBe(first.sha256);
  });

  test.each([
    ['node:fs', `import 'node:fs';`, /imports "node:fs", expected no module of the platform/],
    ['fs', `import { readFileSync } from 'fs'; readFileSync('/etc/passwd');`, /imports "fs", expected no module/],
    ['a missing file', `import './gone.js';`, /Could not resolve "\.\/gone\.js"/],
    ['what is no JavaScript', `const = 1;`, /index\.js:1 Expected identifier/],
  ])('refuses %s and says where', async (name, head, message) => {
    const at = writePackage(join(folder, `refused-${name.replaceAll(/\W/g, '-')}`), moduleWith({}, head));
    await expect(bundleVerifier(findVerifier(at))).rejects.toThrow(message);
  });
});

describe('openSandbox()', () => {
  test.each([
    ['another id', moduleWith({ id: 'other' }), 'verifier-manifest', /its manifest has the id "other"/],
    ['an unknown field', moduleWith({ author: 'me' }), 'verifier-manifest', /Unrecognized key: "author"/],
    [
      'an origin that is none',
      moduleWith({ permissions: { net: ['example.org'], read: [], env: [] } }),
      'verifier-manifest',
      /permissions\.net\.0: expected an origin such as https/,
    ],
    ['one reward', moduleWith({ rewards: [1] }), 'verifier-manifest', /rewards: expected two or more rewards/],
    [
      'a range upside down',
      moduleWith({ rewards: { min: 1, max: 0 } }),
      'verifier-manifest',
      /rewards: expected min to be below max/,
    ],
    [
      'a component named verdict',
      moduleWith({ components: ['verdict'] }),
      'verifier-manifest',
      /components\.0: "verdict" is/,
    ],
    ['a component in capitals', moduleWith({ components: ['Format'] }), 'verifier-manifest', /expected kebab-case/],
    ['a component twice', moduleWith({ components: ['a', 'a'] }), 'verifier-manifest', /one name stands there twice/],
    ['no levels', moduleWith({ levels: [] }), 'verifier-manifest', /levels: /],
    [
      'permissions',
      moduleWith({ permissions: { net: ['https://example.org'], read: [], env: [] } }),
      'verifier-permission',
      /asks for net \(https:\/\/example\.org\) without a grant, expected one: evenkeel verifier grant broken/,
    ],
    [
      'a module that throws',
      moduleWith({}, `throw new Error('not today');`),
      'verifier-start',
      /did not load \(not today\)/,
    ],
    ['a module that uses the platform', moduleWith({}, 'process.exit(0);'), 'verifier-start', /process is not defined/],
  ])('refuses a verifier with %s', async (name, module, code, message) => {
    const at = writePackage(join(folder, `open-${name.replaceAll(/\W/g, '-')}`), module);
    await expect(openSandbox({ verifier: at })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });
});
