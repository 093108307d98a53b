/** Until the verifier host has its pool: one sandbox per verifier. */

import type { PuzzleQuery, Submission, Verdict, VerifierManifest } from '@evenkeel/verifier';
import {
  type DrawnPuzzle,
  type DrawOptions,
  type Grants,
  openSandbox,
  type SandboxOptions,
  type VerifierPlaces,
} from '@evenkeel/verifier-host';

export interface OpenVerifier {
  readonly manifest: VerifierManifest;
  score(submissions: readonly Submission[]): Promise<Verdict[]>;
  draw(queries: readonly PuzzleQuery[], options: DrawOptions): Promise<DrawnPuzzle[]>;
  counts(): { kills: number; restarts: number; retried: number; spotChecked: number };
  close(): Promise<void>;
}

export async function openVerifier({
  processes: _processes,
  grants: _grants,
  places: _places,
  ...options
}: Omit<SandboxOptions, 'places'> & {
  processes?: number;
  grants?: Grants;
  places?: VerifierPlaces;
}): Promise<OpenVerifier> {
  const sandbox = await openSandbox(options as SandboxOptions);
  return Object.assign(sandbox, { counts: () => ({ kills: 0, restarts: 0, retried: 0, spotChecked: 0 }) });
}
