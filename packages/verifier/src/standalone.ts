/**
 * What a verifier's package outside the workspace gets of the SDK, in one file: the whole public door, and of core what generators
 * and scorers use. `gate/build-standalone.ts` makes `standalone/` of it.
 */
export { canonicalJson, type Json, type KeyedRandom, keyedRandom, sha256Hex } from '@evenkeel/core';
export * from './index.ts';
