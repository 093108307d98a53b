/** `<home>/endpoints.json` and the home's token: how everybody else finds the processes. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Endpoints, endpointsSchema, type WorkerAnnouncement, type WorkerRole } from '@evenkeel/protocol';
import { type FollowingFile, followingFile, readIfThere, readJson, writeAtomically } from '../home-files.ts';
import { InfraError } from '../infra-error.ts';
import { announcedWorkers } from '../workers/announced-workers.ts';
import { livingSupervisor } from './home-lock.ts';

export const endpointsPath = (home: string): string => join(home, 'endpoints.json');

/**
 * Where the processes of a home are now: the supervisor's own, and the workers that announced themselves.
 *
 * @throws {InfraError} `home-not-running` where no supervisor lives
 */
export function readEndpoints(home: string): Endpoints {
  const endpoints =
    livingSupervisor(home) === null ? undefined : endpointsSchema.safeParse(readJson(endpointsPath(home)));
  if (endpoints?.success) return withAnnounced(endpoints.data, announcedWorkers(home));
  throw new InfraError(
    `Cannot reach the processes of ${home}: none are running, expected a run. Start one: evenkeel train`,
    {
      code: 'home-not-running',
      retryable: true,
    },
  );
}

function withAnnounced(endpoints: Endpoints, announced: readonly WorkerAnnouncement[]): Endpoints {
  if (announced.length === 0) return endpoints;
  const { workers } = endpoints;
  const all = (role: WorkerRole) => [
    ...new Set([...workers[role], ...announced.filter((worker) => worker.role === role).map(({ url }) => url)]),
  ];
  return { ...endpoints, workers: { rollout: all('rollout'), trainer: all('trainer'), verifier: all('verifier') } };
}

/** Readable by the owner only: the token is in it. */
export function endpointsFile(home: string, endpoints: () => Endpoints): FollowingFile {
  return followingFile(endpointsPath(home), () => `${JSON.stringify(endpoints(), null, 2)}\n`, 0o600);
}

/** The secret of the home's sockets, made once. */
export function homeToken(home: string): string {
  const path = join(home, 'token');
  const token = readIfThere(path)?.trim();
  if (token !== undefined && /^[0-9a-f]{64}$/.test(token)) return token;
  const made = randomBytes(32).toString('hex');
  writeAtomically(path, `${made}\n`, 0o600);
  return made;
}
