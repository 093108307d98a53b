import { canonicalJson, keyedRandom } from '@evenkeel/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { statsOf } from '../fixtures.ts';
import { buildMethod, resolveMethod } from '../method.ts';
import type { PartOverride } from '../part.ts';
import { stepRandom } from '../step-random.ts';
import type { BatchPlanner, Counts, PartState, PlanInput, Weights } from '../types.ts';
import { apportion, multinomial } from './multinomial.ts';

const TASKS = ['countdown', 'zebra', 'arc'];
const Z: Weights = { countdown: 0.2, zebra: 0.3, arc: 0.5 };

function planner(override: PartOverride): BatchPlanner {
  return buildMethod(resolveMethod('mt-grpo', { planner: override })).planner;
}

function withRates(part: BatchPlanner, rho: readonly number[]): PartState {
  return { ...part.init(TASKS), rho } as PartState;
}

/** A whole step in which a group of a task passes the filter with the given chance. */
function simulate(part: BatchPlanner, state: PartState, step: number, chances: Counts, prompts = 32, weights = Z) {
  const random = stepRandom(5, step);
  const groups: { id: string; task: string }[] = [];
  const kept: Record<string, number> = {};
  const input = { weights, prompts, random };
  let drawn = 0;
  for (let round = 0; ; round++) {
    const plan = part.plan(state, { ...input, round, kept });
    if (plan.kind === 'done') return { ...part.select(state, { ...input, groups }), rounds: round, drawn, kept, plan };
    drawn += plan.total;
    const luck = keyedRandom(9, 'luck', step, round);
    for (const task of TASKS) {
      for (let i = 0; i < (plan.counts[task] ?? 0); i++) {
        if (luck.uniform() >= chances[task]!) continue;
        groups.push({ id: `${round}/${task}/${i}`, task });
        kept[task] = (kept[task] ?? 0) + 1;
      }
    }
  }
}

const sum = (counts: Counts) => Object.values(counts).reduce((a, b) => a + b, 0);

describe('rp-sampler', () => {
  const rp = planner({ kind: 'rp-sampler' });
  const fresh = rp.init(TASKS);

  test('whatever passes the filter: target sums to B, nothing is chosen twice, the shortfall is what is missing', () => {
    const chance = fc.constantFrom(0, 0.02, 0.3, 0.9, 1);
    fc.assert(
      fc.property(
        fc.tuple(chance, chance, chance),
        fc.nat(1e6),
        fc.integer({ min: 1, max: 64 }),
        (c, step, prompts) => {
          const chances = { countdown: c[0], zebra: c[1], arc: c[2] };
          const { chosen, target, realised, shortfall, kept, plan, rounds } = simulate(
            rp,
            fresh,
            step,
            chances,
            prompts,
          );
          expect(sum(target)).toBe(prompts);
          expect(new Set(chosen).size).toBe(chosen.length);
          expect(sum(realised)).toBe(chosen.length);
          expect(chosen.length).toBe(Math.min(prompts, sum(kept)));
          expect(shortfall).toBe(prompts - chosen.length);
          const sufficient = TASKS.every((task) => (kept[task] ?? 0) >= target[task]!);
          expect(plan).toEqual({ kind: 'done', reason: sufficient ? 'enough' : 'rounds-exhausted' });
          expect(rounds).toBeLessThanOrEqual(rp.maxRounds);
          if (sufficient) expect(realised).toEqual(target);
          // No task gives way while it is within its target.
          for (const task of TASKS) {
            expect(realised[task]).toBeGreaterThanOrEqual(Math.min(kept[task] ?? 0, target[task]!));
          }
        },
      ),
      { seed: 1, numRuns: 150 },
    );
  });

  test('over many steps the batch has the wanted mixture, where DAPO lets the easy task take it', () => {
    const chances = { countdown: 0.9, zebra: 0.5, arc: 0.15 };
    const share = (part: BatchPlanner) => {
      let [arc, all] = [0, 0];
      for (let step = 0; step < 40; step++) {
        const { realised } = simulate(part, part.init(TASKS), step, chances);
        arc += realised.arc!;
        all += sum(realised);
      }
      return arc / all;
    };
    expect(Math.abs(share(rp) - 0.5)).toBeLessThan(0.03);
    expect(share(planner({ kind: 'refill' }))).toBeLessThan(0.25);
  });

  test('a known filter rate means more draws of that task in the first round, and fewer rounds', () => {
    const chances = { countdown: 0.9, zebra: 0.9, arc: 0.1 };
    const blind = planner({ kind: 'rp-sampler', acceptanceAware: false });
    const state = withRates(rp, [0.1, 0.1, 0.9]);
    let [aware, unaware] = [0, 0];
    for (let step = 0; step < 20; step++) {
      aware += simulate(rp, state, step, chances).rounds;
      unaware += simulate(blind, withRates(blind, [0.1, 0.1, 0.9]), step, chances).rounds;
    }
    expect(aware).toBeLessThan(unaware);
  });

  test('the first round is drawn in the ratio z_k · min(1 / (1 − ρ_k), 5)', () => {
    const state = withRates(rp, [0, 0.5, 1]);
    const totals = { countdown: 0, zebra: 0, arc: 0 };
    const N = 3 * 4000;
    const plan = rp.plan(state, { weights: Z, prompts: 4000, round: 0, kept: {}, random: stepRandom(1, 0) });
    Object.assign(totals, plan.kind === 'draw' ? plan.counts : {});
    const ratio = [0.2 * 1, 0.3 * 2, 0.5 * 5];
    for (const [k, task] of TASKS.entries()) {
      expect(totals[task as 'arc'] / N).toBeCloseTo(ratio[k]! / (0.2 + 0.6 + 2.5), 1);
    }
    expect(sum(totals)).toBe(N);
  });

  test('a later round draws only what is missing, in full rounds as in the paper, or no more than needed', () => {
    const kept = { countdown: 1000, zebra: 1000, arc: 0 };
    const input: PlanInput = { weights: Z, prompts: 32, round: 1, kept, random: stepRandom(1, 0) };
    expect(rp.plan(fresh, input)).toEqual({ kind: 'draw', counts: { arc: 96 }, total: 96 });
    const target = rp.select(fresh, { ...input, groups: [] }).target.arc!;
    const thrifty = planner({ kind: 'rp-sampler', resample: 'deficit', oversample: 1 });
    expect(thrifty.plan(thrifty.init(TASKS), input)).toEqual({ kind: 'draw', counts: { arc: target }, total: target });
  });

  test('a later round is drawn in the ratio def_k · m_k', () => {
    const state = withRates(rp, [0, 0, 0.75]);
    const input = { weights: Z, prompts: 4000, random: stepRandom(1, 0) };
    const { target } = rp.select(state, { ...input, groups: [] });
    const kept = { countdown: target.countdown!, zebra: target.zebra! - 600, arc: target.arc! - 100 };
    const plan = rp.plan(state, { ...input, round: 1, kept });
    expect(plan).toMatchObject({ kind: 'draw', total: 12000 });
    expect(plan.kind === 'draw' ? plan.counts.arc! / plan.total : 0).toBeCloseTo((100 * 4) / (600 + 100 * 4), 1);
    expect(plan.kind === 'draw' ? plan.counts.countdown : 0).toBeUndefined();
  });

  test('a step is the same whenever it is asked: targets, draws and choice depend on seed and step alone', () => {
    const chances = { countdown: 0.7, zebra: 0.2, arc: 0.4 };
    expect(simulate(rp, fresh, 17, chances)).toEqual(simulate(rp, fresh, 17, chances));
    expect(simulate(rp, fresh, 17, chances).target).not.toEqual(simulate(rp, fresh, 18, chances).target);
  });

  test('the surplus fills the batch where a task falls short, and the order of the plan is kept', () => {
    const groups = Array.from({ length: 60 }, (_, i) => ({ id: `g${i}`, task: 'countdown' }));
    const input = { weights: Z, prompts: 32, groups, random: stepRandom(1, 0) };
    const { chosen, realised, shortfall, target } = rp.select(fresh, input);
    expect([realised, shortfall]).toEqual([{ countdown: 32, zebra: 0, arc: 0 }, 0]);
    expect(chosen.slice(0, target.countdown)).toEqual(groups.slice(0, target.countdown).map(({ id }) => id));
    const places = chosen.map((id) => Number(id.slice(1)));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places.at(-1)).toBeGreaterThan(32);
  });

  test('no more than B groups are all kept, beyond their targets too', () => {
    const groups = Array.from({ length: 20 }, (_, i) => ({ id: `g${i}`, task: 'zebra' }));
    const { realised, shortfall } = rp.select(fresh, { weights: Z, prompts: 32, groups, random: stepRandom(1, 0) });
    expect([realised.zebra, shortfall]).toEqual([20, 12]);
  });

  test("the public code's target is B times what the first round drew", () => {
    const code = planner({ kind: 'rp-sampler', target: 'first-round' });
    const input = { weights: Z, prompts: 32, round: 0, kept: {}, random: stepRandom(3, 3) };
    const plan = code.plan(code.init(TASKS), input);
    const { target } = code.select(code.init(TASKS), { ...input, groups: [] });
    const drawn = plan.kind === 'draw' ? plan.counts : {};
    for (const task of TASKS) expect(Math.abs(target[task]! - drawn[task]! / 3)).toBeLessThan(1);
  });

  test('with a task that cannot be learned it stops after its rounds', () => {
    const { rounds, plan, shortfall, drawn } = simulate(rp, fresh, 1, { countdown: 1, zebra: 1, arc: 0 });
    expect([rounds, plan, shortfall]).toEqual([11, { kind: 'done', reason: 'rounds-exhausted' }, 0]);
    expect(drawn).toBe(11 * 96);
  });

  test('a task without a weight is refused by name', () => {
    const input = { weights: { countdown: 1, zebra: 0 }, prompts: 4, round: 0, kept: {}, random: stepRandom(1, 0) };
    expect(() => rp.plan(fresh, input)).toThrow('Cannot plan a round: task "arc" has no weight');
  });
});

describe('refill', () => {
  const refill = planner({ kind: 'refill' });

  test('three times B a round until B have passed, and B of them are taken, in the order of the plan', () => {
    const { chosen, drawn, rounds, shortfall } = simulate(refill, refill.init(TASKS), 1, {
      countdown: 0.2,
      zebra: 0.2,
      arc: 0.2,
    });
    expect([chosen.length, shortfall, rounds]).toEqual([32, 0, 2]);
    expect(drawn).toBe(192);
    const rounds_B = chosen.map((id) => Number(id.split('/')[0]));
    expect(rounds_B).toEqual(rounds_B.toSorted((a, b) => a - b));
  });

  test('what passed has the same chance whatever its task: a plan lists its prompts task by task', () => {
    const groups = TASKS.flatMap((task) =>
      Array.from({ length: 32 }, (_, place) => ({ id: `${task}/${place}`, task })),
    );
    const weights = Object.fromEntries(TASKS.map((task) => [task, 1 / 3]));
    const taken: Record<string, number> = { countdown: 0, zebra: 0, arc: 0 };
    for (let step = 0; step < 60; step++) {
      const random = stepRandom(0, step);
      const { realised, chosen } = refill.select(refill.init(TASKS), { weights, prompts: 32, groups, random });
      expect(chosen).toHaveLength(32);
      for (const task of TASKS) taken[task] = taken[task]! + realised[task]!;
    }
    for (const task of TASKS) expect(Math.abs(taken[task]! / (60 * 32) - 1 / 3)).toBeLessThan(0.04);
  });

  test('after ten rounds the batch stays short', () => {
    const { rounds, shortfall, plan } = simulate(refill, refill.init(TASKS), 1, { countdown: 0, zebra: 0, arc: 0 });
    expect([rounds, shortfall, plan]).toEqual([10, 32, { kind: 'done', reason: 'rounds-exhausted' }]);
  });
});

describe('plain', () => {
  test('one round of B prompts; what the filter drops is not replaced', () => {
    const plain = planner({ kind: 'plain' });
    const { drawn, rounds, chosen, kept, target } = simulate(plain, plain.init(TASKS), 1, {
      countdown: 1,
      zebra: 1,
      arc: 0,
    });
    expect([drawn, rounds, chosen.length]).toEqual([32, 1, sum(kept)]);
    expect(target).toEqual({ ...kept, arc: 32 - sum(kept) });
  });
});

describe.each(['rp-sampler', 'refill', 'plain'])('the filter rates of %s', (kind) => {
  const part = planner({ kind });
  const stats = (step: number) => ({ step, tasks: { arc: statsOf({ groups: 4, kept: 1 }), zebra: statsOf({}) } });

  test('move a tenth of the way to what the step dropped, for the tasks that it drew', () => {
    const once = part.observe(part.init(TASKS), stats(0));
    expect(part.filterRates(once)).toEqual({ countdown: 0, zebra: 0, arc: 0.075 });
    expect(part.filterRates(part.observe(once, stats(1))).arc).toBeCloseTo(0.1425, 9);
  });

  test('a step observed twice counts once', () => {
    const once = part.observe(part.init(TASKS), stats(3));
    expect(part.observe(once, stats(3))).toBe(once);
    expect(part.observe(once, stats(2))).toBe(once);
  });

  test('another version of the state is refused', () => {
    const state = { ...part.init(TASKS), version: 9 };
    const input = { weights: Z, prompts: 4, round: 0, kept: {}, groups: [], random: stepRandom(1, 0) };
    const message = `Cannot go on from state: it is ${kind} version 9, expected ${kind} version 1`;
    expect(() => part.plan(state, input)).toThrow(message);
    expect(() => part.select(state, input)).toThrow(message);
    expect(() => part.observe(state, stats(0))).toThrow(message);
  });

  test('the state is canonical JSON', () => {
    const state = part.observe(part.init(TASKS), stats(0));
    expect(JSON.parse(canonicalJson(state))).toEqual(state);
  });
});

describe('multinomial() and apportion()', () => {
  const shares = fc
    .array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 1, maxLength: 20 })
    .filter((share_K) => share_K.some((share) => share > 1e-3));

  test('sum to the total and give nothing where the share is 0', () => {
    fc.assert(
      fc.property(shares, fc.nat(200), fc.nat(1000), (share_K, total, index) => {
        for (const counts_K of [
          multinomial(total, share_K, keyedRandom(1, 'test', index)),
          apportion(total, share_K),
        ]) {
          expect(counts_K.reduce((a, b) => a + b, 0)).toBe(total);
          for (const [k, share] of share_K.entries()) if (share === 0) expect(counts_K[k]).toBe(0);
        }
      }),
      { seed: 1 },
    );
  });

  test('draws have the wanted shares', () => {
    const counts_K = multinomial(20000, [1, 0, 2, 7], keyedRandom(1, 'shares'));
    expect(counts_K.map((count) => Math.round(count / 200) / 100)).toEqual([0.1, 0, 0.2, 0.7]);
  });

  test('shares that cannot be drawn from are refused', () => {
    expect(() => multinomial(1, [0, 0], keyedRandom(1, 'x'))).toThrow('Cannot draw tasks: all shares are 0');
    expect(() => multinomial(1, [1, -1], keyedRandom(1, 'x'))).toThrow('Cannot draw tasks: a share is -1');
    expect(() => apportion(1, [Number.NaN])).toThrow('Cannot draw tasks: a share is NaN');
  });
});
