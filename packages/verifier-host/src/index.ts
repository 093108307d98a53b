export { bundleVerifier, type VerifierScript } from './bundle.ts';
export { discoverVerifiers, findVerifier, type VerifierPackage, workspaceVerifiersDir } from './discover.ts';
export { VerifierHostError } from './errors.ts';
export {
  type DrawnPuzzle,
  type DrawOptions,
  openSandbox,
  type SandboxOptions,
  type VerifierSandbox,
} from './sandbox.ts';
export { startVerifierHost, type VerifierHost, type VerifierHostOptions } from './verifier-host.ts';
export { verifyRows } from './verify-rows.ts';
