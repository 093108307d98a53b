import type { MethodDefinition } from '../method-definition.ts';

export const thinkShort: MethodDefinition = {
  name: 'think-short',
  about: 'a budget of tokens that shrinks from interval to interval',
  source: {
    paper: 'Train Long, Think Short',
    reading: 'first-hand',
    from: 'full text; without the budget in the prompt',
  },
  reward: 'budget',
};
