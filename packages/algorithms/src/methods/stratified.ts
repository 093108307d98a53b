import type { MethodDefinition } from '../method-definition.ts';

export const stratified: MethodDefinition = {
  name: 'stratified',
  about: 'rollouts are compared with their like, and with all',
  source: {
    paper: 'Stratified GRPO',
    reading: 'secondary',
    from: 'abstract; Wodlfvllf/grpo-composer@2c98d7e. α and the strata are ours',
  },
  advantage: 'stratified',
};
