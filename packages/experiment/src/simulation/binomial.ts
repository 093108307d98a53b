/** The number of successes whose distribution function reaches `uniform`. */
export function binomial(uniform: number, tries: number, chance: number): number {
  const [often, seldom] = chance < 0.5 ? [1 - chance, chance] : [chance, 1 - chance];
  let mass = 1;
  for (let n = 0; n < tries; n++) mass *= often;
  let successes = 0;
  for (let below = mass; uniform >= below && successes < tries; below += mass) {
    successes += 1;
    mass *= ((tries - successes + 1) / successes) * (seldom / often);
  }
  return chance < 0.5 ? successes : tries - successes;
}
