/**
 * What each route does, and in which order a request is looked at: does the service stop, is the token right, is there such a
 * route, is the body JSON and small enough, does it keep the schema, is there room for it, was it asked before. It knows no
 * sockets: `service.ts` listens.
 */
import { hash } from 'node:crypto';
import type { Logger } from '@evenkeel/core';
import type { HttpBindings } from '@hono/node-server';
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context, MiddlewareHandler, TypedResponse } from 'hono';
import type { AnswerCache } from './answer-cache.ts';
import { ClientGone, HttpProblem, problemBody } from './errors.ts';
import type { Hold, ItemBudget } from './item-budget.ts';
import { readJsonBody } from './json-body.ts';
import { openApiDocument } from './openapi-document.ts';
import { downProblem, problemOf, schemaProblem, stoppingProblem, strayProblem } from './problems.ts';
import { serviceRoutes } from './routes.ts';
import type { ServedVerifier } from './served-verifier.ts';
import type { ServiceMetrics } from './service-metrics.ts';

export interface ServiceParts {
  /** By the names that a path may say. */
  readonly verifiers: ReadonlyMap<string, ServedVerifier>;
  readonly stopping: () => boolean;
  /** Null where the service has no token. */
  readonly authorized: ((authorization: string | undefined) => boolean) | null;
  readonly budget: ItemBudget;
  readonly answers: AnswerCache;
  readonly metrics: ServiceMetrics;
  readonly maxBodyBytes: number;
  /** Told the route of each request, and how many items it brought. */
  readonly note: (incoming: HttpBindings['incoming'], what: { route?: string; items?: number }) => void;
  readonly logger: Logger;
}

type Env = {
  Bindings: HttpBindings;
  Variables: { readonly hold: Hold; readonly bytes: Uint8Array; readonly signal: AbortSignal };
};

/** Asked by those who watch the process: they have no token. */
const OPEN_PATHS = new Set(['/healthz', '/readyz']);
/** Answered to the last. */
const WATCHED_PATHS = new Set(['/healthz', '/readyz', '/metrics']);

/** The service as a Hono application. */
export function serviceApp(parts: ServiceParts): OpenAPIHono<Env> {
  const { verifiers, metrics, note } = parts;
  const manifests = [...new Set(verifiers.values())].map(({ manifest }) => manifest);
  const routes = serviceRoutes({
    names: shortNames(verifiers),
    levels: [...new Set(manifests.flatMap(({ levels }) => levels))],
  });
  const app = new OpenAPIHono<Env>({
    defaultHook: (result) => {
      if (!result.success) throw schemaProblem(result.target, result.error);
    },
  });
  const body = bodyReader(parts);
  const named = (c: Context<Env>) => findNamed(verifiers, c.req.param('id') ?? '');
  const listed = (route: { readonly path: string }): MiddlewareHandler<Env> => {
    return (c, next) => {
      note(c.env.incoming, { route: route.path });
      return next();
    };
  };

  app.use(gate(parts));
  for (const route of Object.values(routes)) app.use(route.getRoutingPath(), listed(route));
  for (const route of [routes.verifier, routes.score, routes.scoreBatch, routes.draw]) {
    app.use(route.getRoutingPath(), (c, next) => {
      named(c);
      return next();
    });
  }

  app.openapi(routes.verifiers, (c) => c.json({ verifiers: manifests as never[] }, 200));
  app.openapi(routes.verifier, (c) => c.json(named(c).manifest as never, 200));
  app.openapi({ ...routes.score, middleware: body }, (c) =>
    answer(c, parts, async (signal) => {
      const [verdict] = await score(c, parts, named(c), [c.req.valid('json')], signal);
      return verdict as never;
    }),
  );
  app.openapi({ ...routes.scoreBatch, middleware: body }, (c) =>
    answer(c, parts, async (signal) => ({
      verdicts: (await score(c, parts, named(c), c.req.valid('json').items, signal)) as never[],
    })),
  );
  app.openapi({ ...routes.draw, middleware: body }, (c) =>
    answer(c, parts, async (signal) => {
      const { queries, style, gold, decoy } = c.req.valid('json');
      const served = named(c);
      const options = {
        style,
        ...(gold === undefined ? {} : { gold }),
        ...(decoy === undefined ? {} : { decoy }),
      };
      admit(c, parts, queries.length);
      const puzzles = await served.draw(queries, options, {
        ...(signal === undefined ? {} : { signal }),
        onDone: (count) => c.var.hold.answered(count),
      });
      metrics.drawn(served.manifest.id, puzzles.length);
      return { puzzles: puzzles as never[] };
    }),
  );
  app.openapi(routes.health, (c) => c.json({ status: 'ok' as const }, 200));
  app.openapi(routes.ready, (c) => {
    if (parts.stopping()) throw stoppingProblem();
    const down = [...new Set(verifiers.values())].filter(({ up }) => !up);
    for (const served of down) served.look();
    if (down.length > 0) throw downProblem(down.map(({ manifest }) => manifest.id).join(', '));
    return c.json({ status: 'ok' as const }, 200);
  });
  app.openapi(routes.metrics, async (c) => c.body(await metrics.registry.metrics(), 200, METRICS_TYPE) as never);
  let document = '';
  app.openapi(routes.openapi, (c) => c.body(document, 200, JSON_TYPE) as never);
  document = JSON.stringify(openApiDocument(app, { ...parts, secured: parts.authorized !== null }));

  app.notFound((c) => refuse(c, strayProblem(c.req, Object.values(routes))));
  app.onError((error, c) => refuse(c, problemOf(error, parts.logger)));
  return app;
}

const JSON_TYPE = { 'Content-Type': 'application/json' };
const METRICS_TYPE = { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' };

/** A verifier answers to its id where that is unmistakable, and to id@version always. */
export function namesOf<V extends { readonly manifest: { readonly id: string; readonly version: string } }>(
  verifiers: readonly V[],
): ReadonlyMap<string, V> {
  const names = new Map<string, V>();
  for (const verifier of verifiers) {
    const { id, version } = verifier.manifest;
    names.set(`${id}@${version}`, verifier);
    if (verifiers.filter(({ manifest }) => manifest.id === id).length === 1) names.set(id, verifier);
  }
  return names;
}

/** The shortest name of each. */
function shortNames(verifiers: ReadonlyMap<string, ServedVerifier>): string[] {
  return [...new Set(verifiers.values())].map(({ manifest: { id, version } }) =>
    verifiers.has(id) ? id : `${id}@${version}`,
  );
}

function findNamed(verifiers: ReadonlyMap<string, ServedVerifier>, name: string): ServedVerifier {
  const found = verifiers.get(name);
  if (found !== undefined) return found;
  throw new HttpProblem(
    404,
    'not-found',
    `Cannot find verifier: ${JSON.stringify(name.slice(0, 100))} is not served here, expected one of: ${shortNames(verifiers).join(', ')}`,
  );
}

/** Nothing is looked at before this. */
function gate({ stopping, authorized }: ServiceParts): MiddlewareHandler<Env> {
  return async (c, next) => {
    if (stopping()) {
      c.header('Connection', 'close');
      if (!WATCHED_PATHS.has(c.req.path)) throw stoppingProblem();
    }
    if (authorized !== null && !OPEN_PATHS.has(c.req.path) && !authorized(c.req.header('authorization'))) {
      throw new HttpProblem(
        401,
        'unauthorized',
        'Cannot answer: the token is missing or wrong, expected Authorization: Bearer TOKEN',
        { 'WWW-Authenticate': 'Bearer' },
      );
    }
    await next();
  };
}

/** Reads the body within the bounds; what the request holds is given back when it is answered and read, or its client gone. */
function bodyReader({ budget, maxBodyBytes }: ServiceParts): MiddlewareHandler<Env> {
  return async (c, next) => {
    const { incoming, outgoing } = c.env;
    const hold = budget.hold();
    const gone = new AbortController();
    const closed = new Promise<void>((resolve) => {
      outgoing.once('close', () => {
        if (!outgoing.writableFinished) gone.abort(new ClientGone());
        resolve();
      });
    });
    try {
      const { bytes, value } = await readJsonBody(incoming, {
        maxBodyBytes,
        admit: (sizeBytes) => hold.add({ bytes: sizeBytes }),
        refuse: () => busy(`this body: ${budget.bytes} bytes are waiting, expected at most ${budget.maxBytes}`, budget),
      });
      c.set('hold', hold);
      c.set('bytes', bytes);
      c.set('signal', gone.signal);
      // The body is read already, and parsed: what checks the schema asks for it here.
      c.req.json = async () => value as never;
      // So that nobody after this has to know its other spellings.
      if (c.req.header('content-type') !== JSON_TYPE['Content-Type'])
        c.req.raw.headers.set('Content-Type', JSON_TYPE['Content-Type']);
      await next();
    } finally {
      void closed.then(() => hold.release());
    }
  };
}

function busy(what: string, { retryAfterS }: ItemBudget): HttpProblem {
  return new HttpProblem(429, 'busy', `Cannot take ${what}: ask again in ${retryAfterS} s`, {
    'Retry-After': String(retryAfterS),
  });
}

function admit(c: Context<Env>, { budget, note }: ServiceParts, items: number): void {
  note(c.env.incoming, { items });
  if (c.var.hold.add({ items })) return;
  throw busy(`${items} items: ${budget.items} are waiting, expected at most ${budget.maxItems}`, budget);
}

async function score(
  c: Context<Env>,
  parts: ServiceParts,
  served: ServedVerifier,
  submissions: Parameters<ServedVerifier['score']>[0],
  signal: AbortSignal | undefined,
) {
  admit(c, parts, submissions.length);
  const verdicts = await served.score(submissions, {
    ...(signal === undefined ? {} : { signal }),
    onDone: (count) => c.var.hold.answered(count),
  });
  parts.metrics.scored(served.manifest.id, verdicts);
  return verdicts;
}

/** Answers with what the work gives; with an Idempotency-Key, with what it gave before, and the work goes on without the client. */
async function answer<T>(
  c: Context<Env>,
  { answers }: ServiceParts,
  work: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<Response & TypedResponse<T, 200, 'json'>> {
  const key = c.req.header('idempotency-key');
  if (key === undefined) return written(c, JSON.stringify(await work(c.var.signal)));
  const { answer: kept, replayed } = await answers.once(
    `${c.req.path} ${key}`,
    hash('sha256', c.var.bytes, 'hex'),
    async () => ({ status: 200, body: JSON.stringify(await work(undefined)) }),
  );
  return written(c, kept.body, replayed ? { 'Idempotency-Replayed': 'true' } : {});
}

function written<T>(
  c: Context<Env>,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Response & TypedResponse<T, 200, 'json'> {
  c.var.hold.charge(text.length);
  return c.body(text, 200, { ...JSON_TYPE, ...headers }) as unknown as Response & TypedResponse<T, 200, 'json'>;
}

function refuse(c: Context<Env>, problem: HttpProblem | ClientGone): Response {
  if (problem instanceof ClientGone) return new Response(null, { status: 499 });
  return c.body(problemBody(problem), problem.status, { ...JSON_TYPE, ...problem.headers });
}
