/**
 * Frames on the pipes between host and sandbox: four bytes of length (little endian), then UTF-8 text. Used by both ends; it knows
 * no content.
 */

// By import: the global is taken away from a verifier that runs in the process's own realm.
import { Buffer } from 'node:buffer';

/** Above this a frame is not believed. */
export const maxFrameBytes = 64 * 1024 * 1024;

/** @throws {RangeError} if the text is longer than a frame may be */
export function encodeFrame(text: string): Buffer {
  const bytes = Buffer.byteLength(text);
  if (bytes > maxFrameBytes) {
    throw new RangeError(`Cannot encode frame: ${bytes} bytes, expected at most ${maxFrameBytes}`);
  }
  const frame = Buffer.allocUnsafe(4 + bytes);
  frame.writeUInt32LE(bytes, 0);
  frame.write(text, 4);
  return frame;
}

/** Cuts a stream of chunks into frames. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #wanted: number | null = null;

  /**
   * The frames that are complete with this chunk, in order.
   *
   * @throws {RangeError} on a length that no frame has
   */
  push(chunk: Buffer): string[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const frames: string[] = [];
    while (this.#bytes >= (this.#wanted === null ? 4 : this.#wanted)) {
      if (this.#wanted === null) {
        this.#wanted = this.#take(4).readUInt32LE(0);
        if (this.#wanted > maxFrameBytes) {
          throw new RangeError(`Cannot read frame: length is ${this.#wanted}, expected at most ${maxFrameBytes}`);
        }
      } else {
        frames.push(this.#take(this.#wanted).toString('utf8'));
        this.#wanted = null;
      }
    }
    return frames;
  }

  #take(bytes: number): Buffer {
    const whole = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    this.#chunks = whole.length > bytes ? [whole.subarray(bytes)] : [];
    this.#bytes = whole.length - bytes;
    return whole.subarray(0, bytes);
  }
}
