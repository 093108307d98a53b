import manifest from '../package.json' with { type: 'json' };

/** The version of this checkout. Both ends of a socket must be of the same: another version may give other results. */
export const version: string = manifest.version;
