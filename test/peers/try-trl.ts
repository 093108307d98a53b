/**
 * Tries the reward function for TRL with TRL itself: a service on countdown, a tiny random model, two steps of GRPOTrainer with
 * strings and two with chat messages. Makes a virtual environment of several gigabytes, for torch. Ends with 0 where TRL trained and
 * saw rewards of 1, 0.1 and 0, and nothing else.
 *
 *     node test/peers/try-trl.ts
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pythonEnvironment, run } from './python-environment.ts';
import { startService } from './running-service.ts';

const TOKEN = 'a-token-for-the-trial-alone';

const bin = await pythonEnvironment(['trl==1.16.0']);
const service = await startService(['countdown'], TOKEN);
const scratch = mkdtempSync(join(tmpdir(), 'evenkeel-trl-'));
try {
  const status = await run(join(bin, 'python'), ['-W', 'ignore', join(import.meta.dirname, 'try_trl.py'), scratch], {
    env: {
      ...process.env,
      PYTHONPATH: join(import.meta.dirname, '../../packages/evenkeel-python'),
      PYTHONDONTWRITEBYTECODE: '1',
      EVENKEEL_VERIFIERS_URL: service.url,
      EVENKEEL_VERIFIERS_TOKEN: TOKEN,
    },
  });
  const stopped = await service.stop();
  process.exitCode = status !== 0 || stopped !== 0 ? 1 : 0;
} finally {
  service.process.kill('SIGKILL');
  rmSync(scratch, { recursive: true, force: true });
}
