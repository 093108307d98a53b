/** A verifier that tries to get out: each completion is the name of an entry of the corpus. */
import { corpus } from './corpus.ts';
import { verifierOf } from './verifier-of.ts';

export default verifierOf('escapes', corpus);
