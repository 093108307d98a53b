import type { MethodDefinition } from '../method-definition.ts';
import { objectives } from '../objective.ts';

export const unlikely: MethodDefinition = {
  name: 'unlikely',
  about: 'right answers that the policy gives anyway are worth less',
  source: {
    paper: 'Rewarding the Unlikely',
    reading: 'first-hand',
    from: 'AndreHe02/rewarding-unlikely-release@ca1cff0',
  },
  reward: 'unlikely',
  objective: { ...objectives.grpo, aggregation: 'token-mean', kl: { kind: 'k3', beta: 0.1 } },
};
