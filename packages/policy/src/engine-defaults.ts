/** How much an engine does at once where nothing else is said. */

/** Positions in one run of a train or score graph, roughly: as fast as more, with less memory. */
export const TOKENS_PER_RUN = 512;

/** Sequences that decode together. */
export const DECODE_BATCH = 256;
