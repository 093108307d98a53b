/** Steps of a second or two in two shards, so that a blow mostly meets work, and both rollout workers have some. */
export const defaultChaosRun = {
  seed: 7,
  promptsPerStep: 48,
  groupSize: 8,
  threads: 1,
  minibatches: 2,
  checkpointEvery: 5,
  shardPrompts: 40,
  evaluation: { every: 20, promptsPerTask: 40 },
};
