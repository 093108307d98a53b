/** `lambda=0.4 learning-rate=1e-4`: settings of a run as they are typed, and their names for help texts. */
import { type RunSettingName, type RunSettings, runSettings } from '@evenkeel/protocol';
import { UsageError } from '../command.ts';
import { nearestName } from '../nearest-name.ts';

const names = Object.keys(runSettings) as RunSettingName[];

/** As flags of `train` name them. */
const OTHER_NAMES: Readonly<Record<string, RunSettingName>> = { prompts: 'promptsPerStep', samples: 'groupSize' };

/** `learningRate` → `learning-rate`. */
export function settingText(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Every setting with what it does, a line each. */
export function settingLines(): string[] {
  const width = Math.max(...names.map((name) => settingText(name).length));
  return names.map((name) => `  ${settingText(name).padEnd(width)}  ${runSettings[name].what}`);
}

/**
 * What may be a value, the run itself says: here only its form is read.
 *
 * @throws {UsageError} on an unknown setting, one that is there twice, or a value that is no number
 * @example
 * ```ts
 * import { deepEqual } from 'node:assert/strict';
 * deepEqual(settingsOf(['lambda=0.4', 'learning-rate=1e-4']), { lambda: 0.4, learningRate: 0.0001 });
 * ```
 */
export function settingsOf(assignments: readonly string[]): RunSettings {
  const settings: { -readonly [name in RunSettingName]?: number } = {};
  for (const assignment of assignments) {
    const [, typed = '', text = ''] = /^([^=]*)=(.*)$/s.exec(assignment) ?? [];
    if (typed === '') {
      throw new UsageError(
        `Cannot read setting "${assignment}": it has no name and value, expected NAME=VALUE, such as lambda=0.4`,
      );
    }
    const name = settingNamed(typed);
    if (settings[name] !== undefined) {
      throw new UsageError(`Cannot set ${typed}: it is there twice, expected each setting once`);
    }
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!Number.isFinite(value)) {
      throw new UsageError(
        `Cannot set ${typed}: its value is "${text}", expected a number, such as ${settingText(name)}=${runSettings[name].whole ? 8 : 0.5}`,
      );
    }
    settings[name] = value;
  }
  return settings;
}

function settingNamed(typed: string): RunSettingName {
  const found = names.find((name) => name === typed || settingText(name) === typed) ?? OTHER_NAMES[typed];
  if (found !== undefined) return found;
  const texts = names.map(settingText);
  const near = nearestName(settingText(typed), texts);
  throw new UsageError(
    `Cannot set "${typed}": there is no such setting${near === null ? '' : ` (did you mean ${near}?)`}, expected one of ${texts.join(', ')}`,
  );
}
