import type { MethodDefinition } from '../method-definition.ts';

export const gdpo: MethodDefinition = {
  name: 'gdpo',
  about: 'each component of the reward normalised by itself',
  source: { paper: 'GDPO', reading: 'first-hand', from: 'NVlabs/GDPO@b080e63, the TRL variant' },
  advantage: 'gdpo',
};
