import { PolicyEngine, tinyModelConfig } from '@evenkeel/policy';
import { describe, expect, test } from 'vitest';
import { benchPolicy, randomBatch } from './bench-policy.ts';
import { operationRows } from './operation-table.ts';
import { trainingProducts } from './product-rate.ts';
import { engineRuntime, watchSessions } from './session-profile.ts';
import { trainingFlops } from './training-flops.ts';

const config = {
  ...tinyModelConfig,
  hidden_size: 64,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  num_hidden_layers: 2,
};

describe('watchSessions()', () => {
  test('tells of a training graph what the formula of its operations says, and a little more for padding', async () => {
    const policy = benchPolicy(config);
    const batch = randomBatch(policy, { groups: 2, rollouts: 4, promptTokens: 32, completionTokens: 17 });
    const create = engineRuntime().InferenceSession.create;
    const engine = new PolicyEngine(config);
    const { sessions, options } = await watchSessions(async () => {
      engine.setParameters(policy.parameters.views);
      await engine.lossAndGradient(batch);
    });
    await engine.dispose();
    expect(engineRuntime().InferenceSession.create).toBe(create);
    expect(options).toMatchObject({ intraOpNumThreads: 1 });

    const rows = sessions.flatMap((session) => operationRows(session, 0));
    const done = rows.reduce((sum, { flops }) => sum + flops, 0);
    const lengths = Array.from({ length: 2 }, () => ({ promptTokens: 32, completionTokens: [17, 17, 17, 17] }));
    // About what is needed, less where an engine leaves out what nobody reads; at most what the plain algorithm would take, twice over for padding and masked scores.
    expect(done).toBeGreaterThan(0.5 * trainingFlops(config, lengths, true));
    expect(done).toBeLessThan(2 * trainingFlops(config, lengths, false));
    expect(new Set(rows.map(({ pass }) => pass))).toEqual(new Set(['forward', 'backward']));

    const products = trainingProducts(sessions);
    expect(products.length).toBeGreaterThan(4);
    expect(products.every(({ flops, count }) => flops > 0 && count > 0)).toBe(true);
  });

  test('refuses work that makes no session', async () => {
    await expect(watchSessions(async () => {})).rejects.toThrow(
      'Cannot watch sessions: none was made, expected the work to make one',
    );
  });
});
