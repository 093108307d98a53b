import type { MethodDefinition } from '../method-definition.ts';

export const fgrpo: MethodDefinition = {
  name: 'fgrpo',
  about: 'constraints with a price that rises while they are not met',
  source: {
    paper: 'Faithful GRPO',
    reading: 'secondary',
    from: 'a third party’s repository "inspired by" it; thresholds and start are ours',
  },
  advantage: 'fgrpo',
};
