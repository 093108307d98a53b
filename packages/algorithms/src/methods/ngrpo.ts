import type { MethodDefinition } from '../method-definition.ts';
import { objectives } from '../objective.ts';

export const ngrpo: MethodDefinition = {
  name: 'ngrpo',
  about: 'a virtual right answer in the statistics: all-wrong groups teach too',
  source: { paper: 'NGRPO', reading: 'first-hand', from: 'nangongrui-ngr/NGRPO@e7a3804' },
  filter: 'not-all-correct',
  advantage: 'ngrpo',
  objective: { ...objectives.dapo, clipLow: 0.16, clipHigh: 0.24 },
};
