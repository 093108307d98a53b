import { parameterCount, tinyModelConfig } from '@evenkeel/policy';
import { type RunFile, resolveRunConfig } from '@evenkeel/protocol';
import { describe, expect, test } from 'vitest';
import { checkRunMemory, type RunWork, runMemory, whatWouldFit } from './run-memory.ts';

const knobs = { rolloutWorkers: 1, decodeBatch: 256, tokensPerRun: 512 };
/** 40 M parameters, most of them the embedding of 150,000 tokens. */
const wide = { ...tinyModelConfig, vocab_size: 150_000, hidden_size: 256, intermediate_size: 512, head_dim: 64 };
const weights = 4 * parameterCount(wide);

function workOf(model: RunWork['model'], file: RunFile = {}): RunWork {
  const run = { tasks: ['countdown'], sampling: { maxNewTokens: 64 }, ...file };
  return { config: resolveRunConfig(run, [{ id: 'countdown', levels: ['tiny'] }]), model, promptLength: 32 };
}

/** Bytes that a run takes with these settings: a machine of just so many holds it, one byte less is too small. */
function needed(work: RunWork, changed: Partial<typeof knobs> = {}): number {
  return runMemory(work, { ...knobs, ...changed }).bytes;
}

describe("a run's memory", () => {
  test('of the tiny policy fits a machine of 2 GB', () => {
    expect(() => checkRunMemory(workOf(tinyModelConfig), knobs, 2e9)).not.toThrow();
  });

  test('is that of the busier half of a step, beside the resting one and everything else', () => {
    const { trainer, otherBytes, bytes } = runMemory(workOf(wide), knobs);
    expect(bytes).toBeGreaterThan(trainer.bytes + otherBytes + weights);
    // A rollout worker that rests holds its weights, what its sessions keep, and caches that nobody has cleared away yet.
    const resting = needed(workOf(wide), { rolloutWorkers: 2 }) - bytes;
    expect(resting).toBeGreaterThan(weights);
    expect(resting).toBeLessThan(weights + 1e9);
    expect(otherBytes).toBe(1e9 + 2 * weights);
  });

  test('has a second policy where there is a KL term', () => {
    const kl = { method: { name: 'grpo', objective: { kl: { kind: 'k3', beta: 0.01 } } } } as const;
    expect(needed(workOf(wide, kl)) - needed(workOf(wide, { method: 'grpo' }))).toBeGreaterThanOrEqual(weights);
  });

  test('has with LoRA gradients and moments of the adapters alone, and the base as the reference policy', () => {
    const kl = { method: { name: 'grpo', objective: { kl: { kind: 'k3', beta: 0.01 } } } } as const;
    const lora = { rank: 4, targets: ['q_proj' as const] };
    const { trainer } = runMemory(workOf(wide), knobs);
    expect(runMemory(workOf(wide, { lora }), knobs).trainer.bytes).toBeLessThan(trainer.bytes - 2.5 * weights);
    const bound = needed(workOf(wide, { ...kl, lora })) - needed(workOf(wide, { method: 'grpo', lora }));
    expect(bound).toBeLessThan(weights);
  });

  test('that is more than the machine has is refused with its parts and with each setting that would do', () => {
    const work = workOf(wide, { run: 'large' });
    const most = { ...knobs, rolloutWorkers: 3 };
    const machine = runMemory(work, { ...most, tokensPerRun: 128 }).bytes;
    expect(() => checkRunMemory(work, most, machine)).toThrow(
      expect.objectContaining({
        code: 'memory-short',
        message: expect.stringMatching(
          /^Cannot train "large": it takes about [\d.]+ GB of memory \(the trainer up to [\d.]+ GB \(logits [^)]*\); each of 3 rollout workers up to [\d.]+ [GM]B \([^)]*\); everything else [\d.]+ GB\), expected at most the [\d.]+ GB of this machine: what would fit: --rollout-workers 2, or "decodeBatch": \d+, or "tokensPerRun": 128; --accept-memory starts it all the same$/,
        ),
      }),
    );
    expect(() => checkRunMemory(work, { ...most, tokensPerRun: 128 }, machine)).not.toThrow();
    expect(() => checkRunMemory(work, { ...most, tokensPerRun: 128 }, machine - 1)).toThrow('Cannot train "large"');
  });

  test('fits with fewer rollout workers where those are what is too much', () => {
    const work = workOf(wide);
    const fit = whatWouldFit(work, { ...knobs, rolloutWorkers: 9 }, needed(work, { rolloutWorkers: 4 }));
    expect(fit).toContain('--rollout-workers 4');
  });

  test('that fits with every setting at its least alone is told so, and where not even that helps nothing is promised', () => {
    const work = workOf(wide);
    const least = needed(work, { rolloutWorkers: 1, decodeBatch: 16, tokensPerRun: 64 });
    const most = { ...knobs, rolloutWorkers: 8 };
    expect(whatWouldFit(work, most, least)).toBe('--rollout-workers 1 and "decodeBatch": 16 and "tokensPerRun": 64');
    expect(whatWouldFit(work, most, least - 1)).toBe(null);
    expect(() => checkRunMemory(work, most, least - 1)).toThrow(
      'a smaller model, shorter prompts and completions, or a machine with more; --accept-memory starts it all the same',
    );
  });
});
