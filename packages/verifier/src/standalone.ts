/**
 * What a verifier's package outside the workspace gets of the SDK, in one file: the whole public door, and of core what helps
 * generators and scorers. `gate/build-standalone.ts` makes `standalone/` of it.
 */
export { canonicalJson, sha256Hex } from '@evenkeel/core';
export * from './index.ts';
