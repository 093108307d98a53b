/** Methods whose reward needs a component that only a verifier with a model of its own gives. */
import type { MethodDefinition } from '../method-definition.ts';

export const grpoCare: MethodDefinition = {
  name: 'grpo-care',
  about: 'a bonus for right answers that follow from their reasoning',
  source: { paper: 'GRPO-CARE', reading: 'first-hand', from: 'TencentARC/GRPO-CARE@b0628fc' },
  reward: 'care',
};

export const cGrpo: MethodDefinition = {
  name: 'c-grpo',
  about: 'a rubric of citations counts beside the outcome',
  source: { paper: 'CaRR, C-GRPO', reading: 'first-hand', from: 'THUDM/CaRR@c97e7e8' },
  reward: 'citation',
};

export const pGrpo: MethodDefinition = {
  name: 'p-grpo',
  about: 'the quality of the thinking counts where the outcome is right',
  source: {
    paper: 'Posterior-GRPO',
    reading: 'secondary',
    from: 'abstract; Wodlfvllf/grpo-composer@2c98d7e',
  },
  reward: 'posterior',
};
