/**
 * What Prometheus is told: one registry per service. Labels come from routes and manifests, never from what a client wrote, so
 * that their number stays bounded.
 */
import type { Verdict } from '@evenkeel/verifier';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What is read when it is asked for. */
export interface MetricSources {
  readonly queuedItems: () => number;
  readonly queuedBytes: () => number;
  readonly openRequests: () => number;
  readonly sandboxes: () => readonly SandboxCounts[];
}

/** Of one verifier, since it was opened. */
export interface SandboxCounts {
  readonly verifier: string;
  readonly kills: number;
  readonly restarts: number;
  readonly retried: number;
  readonly spotChecked: number;
}

/** One request, as it ended. */
export interface RequestEnd {
  readonly method: string;
  /** The route's pattern; `none` where there is none. */
  readonly route: string;
  /** 499 where the client was gone before the answer. */
  readonly status: number;
  readonly seconds: number;
}

const LATENCY_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export class ServiceMetrics {
  readonly registry = new Registry();
  #requests: Counter<'method' | 'route' | 'status'>;
  #latency: Histogram<'route'>;
  #verdicts: Counter<'verifier' | 'kind' | 'code'>;
  #puzzles: Counter<'verifier'>;
  #refusedConnections: Counter;

  constructor({ queuedItems, queuedBytes, openRequests, sandboxes }: MetricSources) {
    const registers = [this.registry];
    this.#requests = new Counter({
      name: 'evenkeel_http_requests_total',
      help: 'Requests by method, route and status; 499 is a client that was gone before its answer',
      labelNames: ['method', 'route', 'status'],
      registers,
    });
    this.#latency = new Histogram({
      name: 'evenkeel_http_request_duration_seconds',
      help: 'From the last byte of the head to the end of the answer, by route',
      labelNames: ['route'],
      buckets: LATENCY_S,
      registers,
    });
    this.#verdicts = new Counter({
      name: 'evenkeel_verdicts_total',
      help: 'Verdicts by verifier, kind (scored, abstained, failed) and failure code (empty unless failed)',
      labelNames: ['verifier', 'kind', 'code'],
      registers,
    });
    this.#puzzles = new Counter({
      name: 'evenkeel_puzzles_total',
      help: 'Puzzles drawn, by verifier',
      labelNames: ['verifier'],
      registers,
    });
    this.#refusedConnections = new Counter({
      name: 'evenkeel_http_connections_refused_total',
      help: 'Connections beyond the most that are held at once',
      registers,
    });
    gauge('evenkeel_queue_items', 'Items taken in and not answered yet', queuedItems, registers);
    gauge('evenkeel_queue_bytes', 'Bytes of the bodies of requests not answered yet', queuedBytes, registers);
    gauge('evenkeel_http_requests_open', 'Requests not answered yet', openRequests, registers);
    const counts = ['kills', 'restarts', 'retried', 'spotChecked'] as const;
    for (const name of counts) sandboxCounter(name, sandboxes, registers);
    collectDefaultMetrics({ register: this.registry });
  }

  ended({ method, route, status, seconds }: RequestEnd): void {
    this.#requests.inc({ method, route, status: String(status) });
    this.#latency.observe({ route }, seconds);
  }

  scored(verifier: string, verdicts: readonly Verdict[]): void {
    const counts = new Map<string, number>();
    for (const verdict of verdicts) {
      const code = verdict.kind === 'failed' ? verdict.error.code : '';
      const key = `${verdict.kind} ${code}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    for (const [key, count] of counts) {
      const [kind = '', code = ''] = key.split(' ');
      this.#verdicts.inc({ verifier, kind, code }, count);
    }
  }

  drawn(verifier: string, count: number): void {
    this.#puzzles.inc({ verifier }, count);
  }

  connectionRefused(): void {
    this.#refusedConnections.inc();
  }
}

function gauge(name: string, help: string, read: () => number, registers: Registry[]): void {
  new Gauge({
    name,
    help,
    registers,
    collect() {
      this.set(read());
    },
  });
}

const sandboxHelp = {
  kills: 'Sandbox processes that were killed or died, by verifier',
  restarts: 'Sandbox processes started in the place of one that was gone, by verifier',
  retried: 'Items asked once more in a fresh process, by verifier',
  spotChecked: 'Items scored a second time to see whether the verdict stays, by verifier',
} as const;

const sandboxNames = {
  kills: 'evenkeel_sandbox_kills_total',
  restarts: 'evenkeel_sandbox_restarts_total',
  retried: 'evenkeel_items_retried_total',
  spotChecked: 'evenkeel_items_spot_checked_total',
} as const;

function sandboxCounter(
  count: keyof typeof sandboxNames,
  sandboxes: () => readonly SandboxCounts[],
  registers: Registry[],
): void {
  new Counter({
    name: sandboxNames[count],
    help: sandboxHelp[count],
    labelNames: ['verifier'],
    registers,
    collect() {
      this.reset();
      for (const sandbox of sandboxes()) this.inc({ verifier: sandbox.verifier }, sandbox[count]);
    },
  });
}
