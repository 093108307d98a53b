/** The wider family. A new method is a file beside this one, and a line here. */
export { bnpo } from './bnpo.ts';
export { cispo } from './cispo.ts';
export { disco, discoB, discoRatio, drpo } from './disco.ts';
export { drGrpo } from './dr-grpo.ts';
export { fgrpo } from './fgrpo.ts';
export { gdpo } from './gdpo.ts';
export { grpoLambda } from './grpo-lambda.ts';
export { gspo } from './gspo.ts';
export { mcGrpo } from './mc-grpo.ts';
export { ngrpo } from './ngrpo.ts';
export { curriculum, omniThink } from './omni-think.ts';
export { nsr, psr, weightedReinforce } from './reinforce.ts';
export { rloo } from './rloo.ts';
export { cGrpo, grpoCare, pGrpo } from './second-opinion.ts';
export { stratified } from './stratified.ts';
export { surrogate } from './surrogate.ts';
export { thinkShort } from './think-short.ts';
export { unlikely } from './unlikely.ts';
