/** How much an engine does at once where nothing else is said. */

/** Positions in one run of a train or score graph, roughly: as fast as more, with less memory. */
export const TOKENS_PER_RUN = 512;

/** Sequences that decode together. */
export const DECODE_BATCH = 256;

/** Above this peak a run's memory is given back after it: asking for it anew costs little then. */
export const KEPT_PEAK_BYTES = 256 << 20;

/** Of all sessions of an engine together, as far as their runs' memory stays with them. */
export const KEPT_SESSION_BYTES = 1 << 30;
