import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/common';
import type { PauseReason } from './messages.ts';

/** The innermost cause of a failed child or activity: what happened, in the words of where it happened. */
export function innermost(thrown: unknown): unknown {
  const passesOn = thrown instanceof ChildWorkflowFailure || thrown instanceof ActivityFailure;
  return passesOn && thrown.cause !== undefined ? innermost(thrown.cause) : thrown;
}

/** Why a run waits. */
export function reasonOf(thrown: unknown, step: number, at: string): PauseReason {
  const cause = innermost(thrown);
  const message = cause instanceof Error ? cause.message : String(cause);
  return { code: codeOf(cause), message, step, at };
}

function codeOf(cause: unknown): string {
  if (cause instanceof ApplicationFailure) return cause.type ?? 'internal';
  if (cause instanceof TimeoutFailure) return 'timeout';
  if (cause instanceof TerminatedFailure) return 'terminated';
  return cause instanceof CancelledFailure ? 'cancelled' : 'internal';
}
