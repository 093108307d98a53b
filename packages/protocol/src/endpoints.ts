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

/**
 * `<home>/workers/<role>-<host>-<pid>.json`: a worker that no supervisor started says here where it is; the home gives it work for as
 * long as it answers. Fields that a later version adds are passed over.
 */
export const announcementSchema = z.object({
  version: z.literal(1),
  role: z.enum(['rollout', 'trainer', 'verifier']),
  /** As its hello says. */
  worker: z.string(),
  url: z.url(),
  /** Of Evenkeel: one of another version is met, and refused by name. */
  evenkeel: z.string(),
  host: z.string(),
  pid: z.number().int().positive(),
  /** The process's start, in its host's own terms: with the pid it is that process and no other. */
  startedAt: z.string(),
});

export type WorkerAnnouncement = z.infer<typeof announcementSchema>;
export type Endpoints = z.infer<typeof endpointsSchema>;
export type WorkerRole = keyof Endpoints['workers'];
