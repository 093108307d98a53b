/** What a service is started with, and what of it is refused. */
import type { Logger } from '@evenkeel/core';
import type { Grants, VerifierPlaces } from '@evenkeel/verifier-host';
import { minTokenChars } from './bearer.ts';
import { VerifierServiceError } from './errors.ts';

export interface VerifierServiceOptions {
  /** References: `id`, `id@version`, or a path of a package folder; at least one. */
  readonly verifiers: readonly string[];
  readonly places?: VerifierPlaces;
  /** Default: nothing is granted. */
  readonly grants?: Grants;
  /** Default 127.0.0.1. Any that is not loopback needs a token, or `insecure`. */
  readonly host?: string;
  /** 0, the default, lets the system choose a free one. */
  readonly port?: number;
  /** At least 16 visible ASCII characters; without one nobody is asked for one. */
  readonly token?: string;
  /** Listens anywhere without a token. */
  readonly insecure?: boolean;
  /** Most sandbox processes of each verifier. Default 1. */
  readonly processes?: number;
  /** Default 16 MiB. */
  readonly maxBodyBytes?: number;
  /** Items taken in and not answered, over all verifiers, beyond which the answer is 429. Default 8192. */
  readonly maxQueuedItems?: number;
  /** Bytes of their bodies. Default 128 MiB. */
  readonly maxQueuedBytes?: number;
  /** Beyond which a connection is closed at once. Default 1024. */
  readonly maxConnections?: number;
  /** For the head of a request to come in. Default 10 s. */
  readonly headersTimeoutMs?: number;
  /** For a whole request to come in, and for a client to go on reading an answer. Default 60 s. */
  readonly requestTimeoutMs?: number;
  /** An idle connection is closed. Default 15 s. */
  readonly keepAliveTimeoutMs?: number;
  /** Answers kept for repeated Idempotency-Keys. Default 1024, and at most 32 Mi characters. */
  readonly maxKeptAnswers?: number;
  readonly stallMs?: number;
  readonly logger?: Logger;
  /** Told of each request when it has ended. */
  readonly onRequest?: (request: RequestRecord) => void;
}

/** One request, for a log. */
export interface RequestRecord {
  readonly method: string;
  readonly path: string;
  readonly route: string;
  readonly status: number;
  readonly ms: number;
  /** Submissions or queries; 0 where the request brought none. */
  readonly items: number;
  readonly from: string;
}

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|localhost)$/;

/** @throws {VerifierServiceError} `token-required`, `option-invalid` */
export function checkOptions({
  verifiers,
  host = '127.0.0.1',
  token,
  insecure = false,
  ...limits
}: VerifierServiceOptions): void {
  const refuse = (code: string, problem: string): never => {
    throw new VerifierServiceError(`Cannot start verifier service: ${problem}`, { code });
  };
  if (verifiers.length === 0) refuse('option-invalid', 'no verifier is named, expected at least one');
  if (token !== undefined && !/^[!-~]+$/.test(token)) {
    refuse('option-invalid', 'its token has characters that a header cannot carry, expected visible ASCII');
  }
  if (token !== undefined && token.length < minTokenChars) {
    refuse('option-invalid', `its token has ${token.length} characters, expected at least ${minTokenChars}`);
  }
  if (token === undefined && !insecure && !LOOPBACK.test(host)) {
    refuse('token-required', `it would listen on ${host} without a token, expected a token, or a loopback address`);
  }
  const numbers = ['processes', 'maxBodyBytes', 'maxQueuedItems', 'maxQueuedBytes', 'maxConnections'] as const;
  for (const name of numbers) {
    const value = limits[name];
    if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) continue;
    refuse('option-invalid', `${name} is ${value}, expected a whole number of at least 1`);
  }
}
