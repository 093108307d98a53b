/**
 * Which of a role's workers gets a job: of those that answer and fit (version, device, model family, as their hello says), the
 * one with the fewest calls; of equals the one that the job's number points to. Workers come and go between two questions. It
 * decides the place of a job, never its result.
 */
import { type Logger, silentLogger } from '@evenkeel/core';
import type { WorkerRole } from './endpoints.ts';
import { ProtocolError } from './errors.ts';
import type { Hello } from './frames.ts';
import type { WorkerClient } from './worker-client.ts';
import type { WorkerEndpoint } from './worker-connection.ts';

/** What a job needs of its worker. */
export interface WorkerWish {
  readonly role: WorkerRole;
  /** The model's family; left out where the job has no model. */
  readonly family?: string | undefined;
  /** As `hello` has it; left out where any will do. */
  readonly engine?: string | undefined;
  /** For example `cpu`; left out where any will do. */
  readonly device?: string | undefined;
}

export interface ChooseOptions {
  /** The addresses of the role's workers, as they have announced themselves. */
  readonly urls: readonly string[];
  readonly token: string;
  readonly wish: WorkerWish;
  /** Of several equal workers the job numbers 0, 1, 2 … go to different ones. */
  readonly ordinal?: number;
  /** Where the job is known already (queued or running), it stays: asked where `isAgain`, an earlier attempt may have put it there. */
  readonly key?: string;
  readonly isAgain?: boolean;
  /** Jobs of one affinity go to the worker that the last one went to, as long as it is fit: it remembers what they need. */
  readonly affinity?: string | undefined;
  /** Addresses to leave out as long as there are others: workers that were found stuck with this job. */
  readonly avoid?: ReadonlySet<string>;
}

export interface WorkerChoiceOptions {
  readonly logger?: Logger;
  /** An address that did not answer is left alone for so long, twice as long each time up to `maxLeftAloneMs`. */
  readonly leftAloneMs?: number;
  readonly maxLeftAloneMs?: number;
  /** With one fit worker at hand, how long others are waited for to introduce themselves. */
  readonly othersWithinMs?: number;
}

interface Silent {
  readonly failures: number;
  /** Until when it is not asked again, as long as another is fit. */
  readonly quietUntil: number;
}

type Met =
  | { readonly kind: 'fit'; readonly url: string; readonly hello: Hello }
  /** It answers, but must not get this job. */
  | { readonly kind: 'unfit'; readonly url: string; readonly state: string }
  | { readonly kind: 'silent'; readonly url: string; readonly reason: string };

const STATUS_WITHIN_MS = 1_000;
/** Addresses of which something is remembered: every restart of a worker makes a new one. */
const REMEMBERED = 200;

/** Remembers which workers answered; one per client. */
export class WorkerChoice {
  readonly #client: WorkerClient;
  readonly #logger: Logger;
  readonly #leftAloneMs: number;
  readonly #maxLeftAloneMs: number;
  readonly #othersWithinMs: number;
  readonly #silent = new Map<string, Silent>();
  /** By role and affinity: where its jobs go. */
  readonly #places = new Map<string, string>();
  /** What has been logged of a worker: each refusal once. */
  readonly #refused = new Map<string, string>();

  constructor(client: WorkerClient, options: WorkerChoiceOptions = {}) {
    this.#client = client;
    this.#logger = options.logger ?? silentLogger;
    this.#leftAloneMs = options.leftAloneMs ?? 250;
    this.#maxLeftAloneMs = options.maxLeftAloneMs ?? 15_000;
    this.#othersWithinMs = options.othersWithinMs ?? 200;
  }

  /**
   * The worker that the job goes to.
   *
   * @throws {ProtocolError} `worker-unreachable` (retryable) where none has announced itself or none answers, `worker-unfit`
   * (retryable) with what there is where those that answer cannot do it
   */
  async choose(options: ChooseOptions): Promise<WorkerEndpoint> {
    const { token, wish, ordinal = 0, avoid = new Set(), affinity } = options;
    const urls = [...new Set(options.urls)];
    const met = await this.#meet(urls, token, wish);
    const fit = met.filter((one) => one.kind === 'fit');
    if (fit.length === 0) throw nobody(wish, met);
    const others = fit.filter(({ url }) => !avoid.has(url));
    const candidates = others.length > 0 ? others : fit;
    if (candidates.length === 1) return { url: candidates[0]!.url, token };
    const holder = options.isAgain === true ? await this.#holderOf(options, candidates) : undefined;
    if (holder !== undefined) return { url: holder, token };
    if (affinity !== undefined) return { url: this.#placeOf(`${wish.role}/${affinity}`, candidates), token };
    const loads = candidates.map(({ url, hello }) => this.#client.load(url) / hello.capabilities.maxConcurrentJobs);
    const least = Math.min(...loads);
    const idlest = candidates.filter((_, index) => loads[index] === least);
    return { url: idlest[ordinal % idlest.length]!.url, token };
  }

  /** Where the affinity's jobs went last; else to the worker that the fewest affinities go to. */
  #placeOf(affinity: string, candidates: readonly { readonly url: string }[]): string {
    const last = this.#places.get(affinity);
    if (last !== undefined && candidates.some(({ url }) => url === last)) return last;
    const places = [...this.#places.values()];
    const counts = candidates.map(({ url }) => places.filter((place) => place === url).length);
    const { url } = candidates[counts.indexOf(Math.min(...counts))]!;
    if (this.#places.size > REMEMBERED) this.#places.clear();
    this.#places.set(affinity, url);
    return url;
  }

  /** Who they are. Those that lately did not answer are asked only where no other is fit. */
  async #meet(urls: readonly string[], token: string, wish: WorkerWish): Promise<Met[]> {
    const now = performance.now();
    const isQuiet = (url: string) => now < (this.#silent.get(url)?.quietUntil ?? 0);
    const quiet = urls.filter(isQuiet);
    const met = await this.#ask(
      urls.filter((url) => !isQuiet(url)),
      token,
      wish,
    );
    return met.some(({ kind }) => kind === 'fit') ? met : [...met, ...(await this.#ask(quiet, token, wish))];
  }

  /** Asks all of them at once; returns when all have answered, or soon after the first fit one has. */
  async #ask(urls: readonly string[], token: string, wish: WorkerWish): Promise<Met[]> {
    const met: Met[] = urls.map((url) => ({ kind: 'silent', url, reason: 'it has not answered yet' }));
    const { promise: found, resolve: find } = Promise.withResolvers<void>();
    const all = Promise.all(
      urls.map(async (url, index) => {
        met[index] = await this.#askOne({ url, token }, wish);
        if (met[index].kind === 'fit') find();
      }),
    );
    await Promise.race([all, found]);
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#othersWithinMs);
    });
    await Promise.race([all, patience]);
    clearTimeout(timer);
    return [...met];
  }

  /** Never rejects. */
  async #askOne(endpoint: WorkerEndpoint, wish: WorkerWish): Promise<Met> {
    const { url } = endpoint;
    try {
      const hello = await this.#client.hello(endpoint, wish.role);
      this.#silent.delete(url);
      const state = unfitness(hello, wish);
      if (state === null) {
        this.#refused.delete(url);
        return { kind: 'fit', url, hello };
      }
      return this.#refuse(url, `"${hello.worker}" at ${url} ${state}`, expected(wish));
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      if (thrown instanceof ProtocolError)
        return this.#refuse(url, reason.replace(/^[^:]*: /, '').replace(/, expected .*$/, ''), expected(wish));
      const failures = (this.#silent.get(url)?.failures ?? 0) + 1;
      if (this.#silent.size > REMEMBERED) this.#silent.clear();
      const quietMs = Math.min(this.#leftAloneMs * 2 ** (failures - 1), this.#maxLeftAloneMs);
      this.#silent.set(url, { failures, quietUntil: performance.now() + quietMs });
      return { kind: 'silent', url, reason };
    }
  }

  #refuse(url: string, state: string, wish: string): Met {
    const said = `${state}, expected ${wish}`;
    if (this.#refused.get(url) !== said) {
      if (this.#refused.size > REMEMBERED) this.#refused.clear();
      this.#refused.set(url, said);
      this.#logger.warn(`A worker is given no work: ${said}`, { url });
    }
    return { kind: 'unfit', url, state };
  }

  /** The worker at which the key is queued or runs. */
  async #holderOf(
    { key, token, wish }: ChooseOptions,
    candidates: readonly { readonly url: string }[],
  ): Promise<string | undefined> {
    if (key === undefined) return undefined;
    const states = await Promise.all(
      candidates.map(async ({ url }) => {
        const status = this.#client.status({
          endpoint: async () => ({ url, token }),
          role: wish.role,
          key,
          signal: AbortSignal.timeout(STATUS_WITHIN_MS),
        });
        return await status.then(({ state }) => state).catch(() => 'unknown' as const);
      }),
    );
    const at = states.indexOf('running');
    return candidates[at >= 0 ? at : states.indexOf('queued')]?.url;
  }
}

/** Why the worker must not get the job; null where it may. */
function unfitness(hello: Hello, { family, device, engine }: WorkerWish): string | null {
  const { families, device: its, engine: itsEngine } = hello.capabilities;
  if (device !== undefined && its !== device) return `computes on ${its}`;
  if (engine !== undefined && itsEngine !== undefined && itsEngine !== engine) return `computes with ${itsEngine}`;
  if (family !== undefined && !families.includes(family)) {
    return `has the model families ${families.length === 0 ? 'none' : families.join(', ')}`;
  }
  return null;
}

function expected({ role, family, device, engine }: WorkerWish): string {
  const parts = [
    ...(device === undefined ? [] : [`on ${device}`]),
    ...(family === undefined ? [] : [`with model family ${family}`]),
    ...(engine === undefined ? [] : [`and engine "${engine}"`]),
  ];
  return [`a ${role} worker of this version`, ...parts].join(' ');
}

function nobody(wish: WorkerWish, met: readonly Met[]): ProtocolError {
  const unfit = met.filter((one) => one.kind === 'unfit');
  const silent = met.filter((one) => one.kind === 'silent');
  const all = [
    ...unfit.map(({ state }) => state),
    ...silent.map(({ url, reason }) => `${url} does not answer (${reason})`),
  ];
  if (unfit.length > 0) {
    return new ProtocolError(
      `Cannot give work to a ${wish.role} worker: none is fit (${all.join('; ')}), expected ${expected(wish)}: start one with "evenkeel worker ${wish.role}"`,
      { code: 'worker-unfit', retryable: true },
    );
  }
  const state = met.length === 0 ? 'none has announced itself' : all.join('; ');
  return new ProtocolError(
    `Cannot reach a ${wish.role} worker: ${state}, expected one that is running: look into its log, or start it anew`,
    { code: 'worker-unreachable', retryable: true },
  );
}
