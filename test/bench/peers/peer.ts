/**
 * A Python peer at work: a program beside this file that does one turn of work whenever it is asked, and waits in between. Lines of
 * JSON both ways. It does not know what the work is.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What every peer is told first. */
export interface PeerTask {
  /** A Hugging Face folder. */
  readonly folder: string;
  readonly prompts: readonly string[];
  readonly rollouts: number;
  readonly newTokens: number;
  readonly threads: number;
  /** Sequences whose log-probabilities it is to tell. */
  readonly sequences: readonly { readonly tokens: readonly number[]; readonly promptLength: number }[];
  readonly microBatch?: number;
}

export interface PeerReady {
  readonly parameters: number;
  readonly logprobs: readonly (readonly number[])[];
  readonly versions: Readonly<Record<string, string>>;
}

export interface PeerTurn {
  readonly seconds: number;
  /** Of all its threads. */
  readonly processorSeconds: number;
  /** Completion tokens. */
  readonly tokens: number;
  readonly generateSeconds?: number;
}

export class Peer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #script: string;

  private constructor(python: string, script: string) {
    this.#script = script;
    this.#child = spawn(python, ['-W', 'ignore', join(import.meta.dirname, script)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    });
    // A peer that dies is seen by its answers ending; a write to it is no failure of its own.
    this.#child.stdin!.on('error', () => {});
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** Starts a program and gives it its task. @throws {Error} where it ends before it is ready */
  static async start(python: string, script: string, task: PeerTask): Promise<{ peer: Peer; ready: PeerReady }> {
    const peer = new Peer(python, script);
    try {
      peer.#say({ kind: 'task', ...task });
      return { peer, ready: (await peer.#hear()) as unknown as PeerReady };
    } catch (error) {
      await peer.stop();
      throw error;
    }
  }

  /** One turn of its work. @throws {Error} where it ends instead */
  async turn(): Promise<PeerTurn> {
    this.#say({ kind: 'turn' });
    return (await this.#hear()) as unknown as PeerTurn;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#say({ kind: 'stop' });
    this.#child.stdin!.end();
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(late);
  }

  #say(message: object): void {
    this.#child.stdin!.write(`${JSON.stringify(message)}\n`);
  }

  async #hear(): Promise<Readonly<Record<string, unknown>>> {
    const { value, done } = await this.#lines.next();
    if (done === true)
      throw new Error(`Cannot go on with ${this.#script}: it ended, expected an answer; see what it said`);
    return JSON.parse(value);
  }
}
