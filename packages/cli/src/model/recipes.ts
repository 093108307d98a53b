import { nineRecipe } from './nine-recipe.ts';
import { type TinyRecipe, tinyRecipe } from './tiny-recipe.ts';

/** The policies that `evenkeel model make` knows to make, by name. Made, they lie in `<home>/models/`. */
export const recipes: ReadonlyMap<string, TinyRecipe> = new Map<string, TinyRecipe>([
  ['tiny', tinyRecipe],
  ['nine', nineRecipe],
]);
