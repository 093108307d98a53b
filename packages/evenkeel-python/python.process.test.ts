/** The Python package's own tests, which start a real service: run where there is a python3. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';

const version = spawnSync('python3', ['-c', 'import sys; print(*sys.version_info[:2])'], { encoding: 'utf8' });
const [major = 0, minor = 0] = (version.stdout ?? '').split(' ').map(Number);
const python = major === 3 && minor >= 9;

describe('evenkeel_verifiers for Python', () => {
  test.skipIf(!python)(
    python ? 'its tests pass against a real service' : 'skipped: there is no python3 of version 3.9 or later here',
    () => {
      const { status, stderr, stdout } = spawnSync(
        'python3',
        ['-m', 'unittest', 'discover', '-s', 'tests', '-t', '.'],
        {
          cwd: import.meta.dirname,
          encoding: 'utf8',
          env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
          timeout: 200_000,
        },
      );
      expect({ status, output: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, output: '' });
      expect(stderr).toMatch(/^Ran \d\d tests/m);
    },
  );
});
