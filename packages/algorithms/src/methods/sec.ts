import type { MethodDefinition } from '../method-definition.ts';
import { dapo } from './dapo.ts';
import { grpo } from './grpo.ts';

const source = {
  paper: 'SEC, self-evolving curriculum',
  reading: 'first-hand',
  from: 'rsshyam/MT-GRPO, BanditPriority and run_sec_*.sh@16f432d',
} as const;

export const secGrpo: MethodDefinition = {
  ...grpo,
  name: 'sec-grpo',
  about: 'GRPO on tasks drawn by a bandit: mean |A|',
  source,
  weighter: 'sec',
};

export const secDapo: MethodDefinition = {
  ...dapo,
  name: 'sec-dapo',
  about: 'DAPO on tasks drawn by a bandit: mean |A|',
  source,
  weighter: 'sec',
};
