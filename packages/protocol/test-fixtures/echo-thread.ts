/** A thread whose jobs do as they are told. */
import { threadId, workerData } from 'node:worker_threads';
import { EvenkeelError } from '@evenkeel/core';
import { serveJobs } from '../src/job-thread.ts';

export type EchoJob =
  | { readonly kind: 'echo' | 'progress'; readonly text: string }
  | { readonly kind: 'fail' | 'throw' | 'exit' | 'throw-later' | 'die-afterwards' | 'unclonable' }
  | { readonly kind: 'wait' | 'wait-deaf' };

export interface EchoResult {
  readonly text: string;
  readonly thread: number;
  readonly data: unknown;
}

serveJobs<EchoJob, EchoResult>(async (job, { onProgress, signal }) => {
  const answer = (text: string): EchoResult => ({ text, thread: threadId, data: workerData });
  switch (job.kind) {
    case 'echo':
      return answer(job.text);
    case 'progress':
      for (let done = 1; done <= 3; done++) onProgress(done, 3, job.text);
      onProgress(3, 3);
      return answer(job.text);
    case 'fail':
      throw new EvenkeelError('Cannot echo: nobody is there, expected somebody', {
        code: 'echo-lost',
        retryable: true,
      });
    case 'throw':
      throw new RangeError('out of range');
    case 'exit':
      process.exit(3);
      break;
    case 'throw-later':
      setTimeout(() => {
        throw new Error('a timer threw');
      });
      return await new Promise(() => {});
    case 'die-afterwards':
      new BroadcastChannel('echo-thread').onmessage = () => {
        throw new Error('died between two jobs');
      };
      return answer('goodbye');
    case 'unclonable':
      return { ...answer(''), data: () => {} };
    case 'wait':
      onProgress(0, 1);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      signal.throwIfAborted();
      break;
    case 'wait-deaf':
      onProgress(0, 1);
      for (;;);
  }
  return answer('');
});
