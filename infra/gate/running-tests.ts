/** A reporter for vitest that keeps a file with the names of the tests under way, for the case that the gate has to end them. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

const FILE = join(import.meta.dirname, '../../node_modules/.cache/evenkeel-running-tests.json');

/** The tests that were under way when the file was last written. */
export function readRunningTests(): readonly string[] {
  try {
    return JSON.parse(readFileSync(FILE, 'utf8')) as string[];
  } catch {
    return [];
  }
}

export default class RunningTests implements Reporter {
  readonly #running = new Map<string, string>();

  onTestRunStart(): void {
    this.#running.clear();
    this.#write();
  }

  onTestModuleStart(module: TestModule): void {
    this.#running.set(module.id, module.moduleId);
    this.#write();
  }

  onTestModuleEnd(module: TestModule): void {
    this.#running.delete(module.id);
    this.#write();
  }

  onTestCaseReady(test: TestCase): void {
    // Reports of one module may come after its end.
    if (!this.#running.has(test.module.id)) return;
    this.#running.set(test.module.id, `${test.module.moduleId} > ${test.fullName}`);
    this.#write();
  }

  onTestRunEnd(): void {
    rmSync(FILE, { force: true });
  }

  #write(): void {
    writeFileSync(FILE, JSON.stringify([...this.#running.values()]));
  }
}
