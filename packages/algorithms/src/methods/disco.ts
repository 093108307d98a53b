import type { MethodDefinition } from '../method-definition.ts';
import { objectives } from '../objective.ts';
import type { ObjectiveForm } from '../types.ts';

type Discriminative = Extract<ObjectiveForm, { kind: 'discriminative' }>;

const discriminative: Discriminative = {
  kind: 'discriminative',
  score: 'log-likelihood',
  negatives: 'log-mean-exp',
  temperature: 10,
  klBound: 1e-4,
  klPenalty: 1e3,
};

const shared = { planner: 'refill', filter: 'strict', advantage: 'disco' } as const;

const sourceOf = (paper: string, from: string) => ({ paper, from, reading: 'first-hand' }) as const;

const disCo = 'Optimization-AI/DisCO@bd2b078; as in the paper where its dispatch differs';

export const disco: MethodDefinition = {
  ...shared,
  name: 'disco',
  about: 'right answers up, wrong ones down by how likely they are, within a bound on KL',
  source: sourceOf('DisCO', disCo),
  objective: { ...objectives.grpo, form: discriminative },
};

export const discoRatio: MethodDefinition = {
  ...shared,
  name: 'disco-ratio',
  about: 'DisCO with the mean importance ratio as score',
  source: sourceOf('DisCO', disCo),
  objective: { ...objectives.grpo, form: { ...discriminative, score: 'ratio', temperature: 1 } },
};

export const discoB: MethodDefinition = {
  ...shared,
  name: 'disco-b',
  about: 'DisCO with all wrong answers alike',
  source: sourceOf('DisCO', disCo),
  objective: { ...objectives.grpo, form: { ...discriminative, negatives: 'mean' } },
};

export const drpo: MethodDefinition = {
  ...shared,
  name: 'drpo',
  about: 'DisCO with short right answers counting more',
  source: sourceOf('DRPO, decoupled reward', 'Optimization-AI/DRPO@405f702'),
  advantage: 'drpo',
  objective: { ...objectives.grpo, form: discriminative },
};
