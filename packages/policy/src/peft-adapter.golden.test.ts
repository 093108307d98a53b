/** Adapters as PEFT opened them: test/golden/make_peft_golden.py. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { mergedTiny, writePeftFolder } from '../../../test/golden/peft-folder.ts';
import { PolicyEngine } from './policy-engine.ts';
import { openSafetensors } from './safetensors.ts';

interface PeftGolden {
  readonly rows: readonly {
    readonly tokens: readonly number[];
    readonly base: readonly number[];
    readonly adapted: readonly number[];
  }[];
}

const golden: PeftGolden = JSON.parse(
  readFileSync(new URL('../../../test/golden/peft.golden.json', import.meta.url), 'utf8'),
);
const home = mkdtempSync(join(tmpdir(), 'evenkeel-peft-'));
afterAll(() => rmSync(home, { recursive: true }));

test('merged weights give the log-probabilities that PEFT gives with the adapters beside the base', async () => {
  const { config, parameters } = await mergedTiny();
  const engine = new PolicyEngine(config);
  engine.setParameters(parameters.views);
  const found = await engine.score(
    golden.rows.map(({ tokens }) => ({ tokens: Int32Array.from(tokens), promptLength: 1 })),
  );
  await engine.dispose();
  let change = 0;
  for (const [row, { adapted, base }] of golden.rows.entries()) {
    expect(found[row]).toHaveLength(adapted.length);
    for (const [index, expected] of adapted.entries()) {
      expect(Math.abs(found[row]![index]! - expected)).toBeLessThan(1e-4 * (1 + Math.abs(expected)));
      change = Math.max(change, Math.abs(expected - base[index]!));
    }
  }
  expect(change).toBeGreaterThan(0.1);
});

test("an adapter's folder has PEFT's files, names and fields", async () => {
  const folder = join(home, 'adapter');
  await writePeftFolder(folder);
  expect(readdirSync(folder).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
  expect(JSON.parse(readFileSync(join(folder, 'adapter_config.json'), 'utf8'))).toMatchObject({
    ...{ peft_type: 'LORA', task_type: 'CAUSAL_LM', r: 3, lora_alpha: 7, bias: 'none', fan_in_fan_out: false },
    target_modules: ['q_proj', 'v_proj', 'o_proj', 'up_proj', 'down_proj'],
  });
  const file = await openSafetensors(join(folder, 'adapter_model.safetensors'));
  const names = [...file.entries.keys()];
  await file.close();
  expect(names).toHaveLength(4 * 5 * 2);
  expect(names.slice(0, 2)).toEqual([
    'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight',
    'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight',
  ]);
});
