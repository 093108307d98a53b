/**
 * The base of the nine-task experiment: the three tasks at three levels each, as far as a policy of a million parameters can carry
 * them. The paper's easy, medium and hard are here tiny, easy and medium; harder ones it does not learn to answer at all.
 *
 * The second stage leaves the levels with unlike shares of correct answers: some tasks can be drawn out at once, some seldom show a
 * correct rollout and so seldom a gradient. That is where methods for several tasks part.
 */
import { type TinyRecipe, tinyRecipe } from './tiny-recipe.ts';

/** What the tasks' compact notation is written in up to the level medium: Zebra's values besides the tiny level's. */
const words =
  'david emily frank coffee juice cocoa rabbit parrot pony red blue green white black pink tulip rose lily daisy orchid violet baker nurse pilot farmer painter lawyer tennis golf hockey rugby cricket soccer piano guitar violin trumpet flute cello bicycle car ferry tram scooter bus lima oslo paris rome cairo tokyo january march may june august october'.split(
    ' ',
  );

export const nineRecipe: TinyRecipe = {
  ...tinyRecipe,
  seed: 20261122,
  shape: { ...tinyRecipe.shape, context: 192 },
  words: [...tinyRecipe.words, ...words],
  tasks: [
    { verifier: 'countdown', level: 'tiny', share: 0.1, correctShare: 0.6 },
    { verifier: 'countdown', level: 'easy', share: 0.14, correctShare: 0.4 },
    { verifier: 'countdown', level: 'medium', share: 0.14, correctShare: 0.25 },
    { verifier: 'zebra', level: 'tiny', share: 0.1, correctShare: 0.5 },
    { verifier: 'zebra', level: 'easy', share: 0.12, correctShare: 0.45 },
    { verifier: 'zebra', level: 'medium', share: 0.1, correctShare: 0.35 },
    { verifier: 'arc', level: 'tiny', share: 0.1, correctShare: 0.6 },
    { verifier: 'arc', level: 'easy', share: 0.12, correctShare: 0.4 },
    { verifier: 'arc', level: 'medium', share: 0.08, correctShare: 0.25 },
  ],
  stages: [
    { name: 'knowledge', samples: 640_000, learningRate: 2e-3, finalShare: 0.05, warmupSteps: 100, mixed: false },
    { name: 'mixed-quality', samples: 64_000, learningRate: 5e-4, finalShare: 0.1, warmupSteps: 20, mixed: true },
  ],
  maxNewTokens: 24,
};
