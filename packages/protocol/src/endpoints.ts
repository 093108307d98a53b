/**
 * Where the processes of a home are to be found: `<home>/endpoints.json`, written by the supervisor whenever it changes, read by
 * whoever connects, at each connection. Ports change when a process is started anew; the file's path does not.
 */
import { z } from 'zod';

export const endpointsSchema = z.strictObject({
  version: z.literal(1),
  supervisor: z.strictObject({ pid: z.number().int().positive(), startedAt: z.string() }),
  /** Shared secret of this home's sockets. */
  token: z.string().min(16),
  temporal: z.strictObject({ address: z.string(), namespace: z.string(), ui: z.url() }).nullable(),
  workers: z.strictObject({
    rollout: z.array(z.url()),
    trainer: z.array(z.url()),
    verifier: z.array(z.url()),
  }),
});

export type Endpoints = z.infer<typeof endpointsSchema>;
export type WorkerRole = keyof Endpoints['workers'];
