/** A reference to something in the content-addressed store: all that a Temporal payload or a frame carries of large data. */
export interface ArtefactRef {
  /** What it is, for example `rollouts`, `batch`, `policy`, `optimizer`, `prompts`, `state`. */
  readonly kind: string;
  /** SHA-256 of the content, 64 hexadecimal digits. */
  readonly sha256: string;
  readonly bytes: number;
}
