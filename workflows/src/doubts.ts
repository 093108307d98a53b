import type { Doubts, VerifyResult } from '@evenkeel/activities';

/** Of a verify job's counts what is worth carrying on: tasks of which something failed, or was scored only when asked again. */
export function doubtsOf({ tasks }: VerifyResult): { readonly doubts?: Doubts } {
  const doubtful = Object.entries(tasks).flatMap(([task, { failures, retried }]) => {
    if (failures === undefined && retried === undefined) return [];
    return [
      [
        task,
        { ...(failures === undefined ? {} : { failures }), ...(retried === undefined ? {} : { retried }) },
      ] as const,
    ];
  });
  return doubtful.length === 0 ? {} : { doubts: Object.fromEntries(doubtful) };
}
