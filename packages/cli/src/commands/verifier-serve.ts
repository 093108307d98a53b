/** `evenkeel verifier serve`: verifiers over HTTP, until a signal comes. */
import { ConfigError, EvenkeelError } from '@evenkeel/core';
import { readGrants } from '@evenkeel/verifier-host';
import type { RequestRecord, VerifierService, VerifierServiceOptions } from '@evenkeel/verifier-service';
import { type Command, type ExitCode, exitCodes, type Flag, type Invocation, UsageError } from '../command.ts';
import { positional, textFlag, wholeFlag } from '../flag-values.ts';
import { stderrLogger } from '../stderr-logger.ts';
import { askingForGrants, yesFlag } from '../verifiers/open-granted.ts';

const DEFAULT_PORT = 8910;
const HIGHEST_PORT = 65_535;
const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

const flags: Readonly<Record<string, Flag>> = {
  host: { type: 'string', value: 'ADDRESS', help: 'address to listen on (default: 127.0.0.1)' },
  port: { type: 'string', value: 'N', help: `port to listen on; 0 for a free one (default: ${DEFAULT_PORT})` },
  'token-env': { type: 'string', value: 'NAME', help: 'environment variable that holds the token to ask for' },
  insecure: { type: 'boolean', help: 'listen beyond this machine without a token' },
  processes: { type: 'string', value: 'N', help: 'most sandbox processes of each task (default: 1)' },
  'max-body': { type: 'string', value: 'BYTES', help: 'largest body of a request (default: 16777216)' },
  'max-queue': {
    type: 'string',
    value: 'N',
    help: 'most items that wait, beyond which the answer is 429 (default: 8192)',
  },
  deadline: { type: 'string', value: 'SECONDS', help: 'for requests under way when it is stopped (default: 10)' },
  verbose: { type: 'boolean', help: 'a JSON line on stderr for each request' },
  yes: yesFlag,
};

export const verifierServeCommand: Command = {
  name: 'verifier serve',
  summary: 'serve verdicts and puzzles of tasks over HTTP, for trainers in any language',
  usage: 'TASK…',
  flags,
  help: `
TASK is the name of a verifier (countdown, words@1.2.0) or the path of its package. The service answers single completions and
batches, describes itself at /openapi.json, and is watched at /healthz, /readyz and /metrics. SIGTERM or Ctrl-C stops it: what is
under way is answered first. docs/verifier-service.md tells of limits, TLS by a proxy, TRL and verl.

Examples:
  evenkeel verifier serve countdown zebra arc
  export TOKEN=$(openssl rand -hex 24)
  evenkeel verifier serve countdown --host 0.0.0.0 --token-env TOKEN --processes 4`,
  async run(invocation) {
    const { flags: given, home, json, print, printJson, note } = invocation;
    const tokenEnv = textFlag(given, 'token-env');
    const host = textFlag(given, 'host') ?? '127.0.0.1';
    const options = serviceOptions(invocation, { host, tokenEnv });
    const deadlineMs = wholeFlag(given, 'deadline', 10) * 1000;
    const service = await askingForGrants(invocation, async () =>
      startSayingFlags({ ...options, grants: await readGrants(home) }),
    );
    const stopped = untilSignal();
    const { url, manifests } = service;
    const served = manifests.map(({ id, version }) => `${id} ${version}`);
    if (json) printJson({ kind: 'listening', url, verifiers: manifests.map(named), token: tokenEnv ?? null });
    else print(url);
    note(`Serving ${served.join(', ')}`);
    note(tokenEnv === undefined ? tokenless(host) : `The token is that of the environment variable ${tokenEnv}`);
    note(`Try it:\n${curl(service, tokenEnv)}`);
    const signal = await stopped;
    note(`Stopping (${signal}): requests under way are answered first, a second signal cuts them off`);
    for (const again of SIGNALS) process.once(again, () => process.exit(exitCodes.interrupted));
    const cutOff = await service.close(deadlineMs);
    if (json) printJson({ kind: 'stopped', signal, cutOff });
    note(cutOff === 0 ? 'Stopped' : `Stopped: ${cutOff} requests were cut off`);
    return status(signal, cutOff);
  },
};

function serviceOptions(
  { positionals, flags: given, home }: Invocation,
  { host, tokenEnv }: { readonly host: string; readonly tokenEnv: string | undefined },
): VerifierServiceOptions {
  const wish = 'at least one task: evenkeel verifier serve TASK…';
  const verifiers = positional(positionals, { least: 1, most: 1000 }, wish);
  const port = wholeFlag(given, 'port', DEFAULT_PORT);
  if (port > HIGHEST_PORT) throw new UsageError(`Cannot read --port: it is ${port}, expected at most ${HIGHEST_PORT}`);
  return {
    verifiers,
    places: { home },
    host,
    port,
    insecure: given.insecure === true,
    processes: wholeFlag(given, 'processes', 1, 1),
    logger: stderrLogger(),
    ...(tokenEnv === undefined ? {} : { token: tokenFrom(tokenEnv) }),
    ...limit('maxBodyBytes', wholeFlag(given, 'max-body', undefined, 1)),
    ...limit('maxQueuedItems', wholeFlag(given, 'max-queue', undefined, 1)),
    ...(given.verbose === true ? { onRequest: writeRequest } : {}),
  };
}

/** A refusal names the flags that lift it. */
async function startSayingFlags(options: VerifierServiceOptions): Promise<VerifierService> {
  const { startVerifierService } = await import('@evenkeel/verifier-service');
  try {
    return await startVerifierService(options);
  } catch (error) {
    if (!(error instanceof EvenkeelError)) throw error;
    const flag = { 'token-required': '--token-env NAME, or --insecure', 'address-unavailable': '--port N' }[error.code];
    throw flag === undefined
      ? error
      : new ConfigError(`${error.message} (${flag})`, { code: error.code, cause: error });
  }
}

function status(signal: NodeJS.Signals, cutOff: number): ExitCode {
  if (signal === 'SIGINT') return exitCodes.interrupted;
  return cutOff === 0 ? exitCodes.done : exitCodes.failed;
}

function tokenFrom(name: string): string {
  const token = process.env[name];
  if (token !== undefined && token !== '') return token;
  throw new UsageError(
    `Cannot read --token-env: the environment variable ${name} is not set, expected it to hold the token: ${name}=$(openssl rand -hex 24)`,
  );
}

function tokenless(host: string): string {
  return host === '127.0.0.1' || host === 'localhost' || host === '::1'
    ? 'No token is asked for: everybody on this machine may ask (--token-env NAME changes that)'
    : `No token is asked for: everybody who reaches ${host} may ask`;
}

const limit = <K extends string>(name: K, value: number | undefined) =>
  (value === undefined ? {} : { [name]: value }) as { readonly [key in K]?: number };

const named = ({ id, version, levels }: { id: string; version: string; levels: readonly string[] }) => ({
  id,
  version,
  levels,
});

/** A line to paste: the first puzzle of the first task. */
function curl({ url, manifests }: VerifierService, tokenEnv: string | undefined): string {
  const [{ id, levels }] = manifests as [VerifierService['manifests'][number]];
  const authorization = tokenEnv === undefined ? '' : ` -H "Authorization: Bearer $${tokenEnv}"`;
  const query = { queries: [{ seed: 0, index: 0, level: levels[0], split: 'train' }], style: 'chat', gold: 0 };
  return `  curl -s ${url}/v1/verifiers/${id}/draw${authorization} -H 'Content-Type: application/json' -d '${JSON.stringify(query)}'`;
}

function writeRequest(request: RequestRecord): void {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), ...request })}\n`);
}

/** The first signal that asks to stop. */
function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of SIGNALS) process.once(signal, () => resolve(signal));
  });
}
