import { describe, expect, test } from 'vitest';
import { nearestName } from '../nearest-name.ts';
import { settingLines, settingsOf, settingText } from './setting-assignments.ts';

describe('settingsOf()', () => {
  test('reads names as flags have them, as files have them, and as train calls them', () => {
    expect(settingsOf(['lambda=0.4', 'learning-rate=1e-4', 'maxNewTokens=8', 'samples=4', 'prompts=16'])).toEqual({
      ...{ lambda: 0.4, learningRate: 1e-4, maxNewTokens: 8, groupSize: 4, promptsPerStep: 16 },
    });
  });

  test('refuses what is no assignment, no setting or no number, and says what was perhaps meant', () => {
    expect(() => settingsOf(['lambda'])).toThrow(
      'Cannot read setting "lambda": it has no name and value, expected NAME=VALUE, such as lambda=0.4',
    );
    expect(() => settingsOf(['=0.4'])).toThrow('Cannot read setting "=0.4": it has no name and value');
    expect(() => settingsOf(['lamda=1'])).toThrow(
      /^Cannot set "lamda": there is no such setting \(did you mean lambda\?\), expected one of lambda, learning-rate, /,
    );
    expect(() => settingsOf(['learningRte=1'])).toThrow('(did you mean learning-rate?)');
    expect(() => settingsOf(['colour=1'])).toThrow(/no such setting, expected one of/);
    for (const text of ['x', '', ' ', 'NaN', 'Infinity']) {
      expect(() => settingsOf([`steps=${text}`])).toThrow(
        `Cannot set steps: its value is "${text}", expected a number, such as steps=8`,
      );
    }
    expect(() => settingsOf(['samples=4', 'group-size=8'])).toThrow('Cannot set group-size: it is there twice');
  });

  test('has a line of help for each', () => {
    expect(settingText('maxGradientNorm')).toBe('max-gradient-norm');
    expect(settingLines()).toContainEqual(expect.stringMatching(/^ {2}steps {2,}\S/));
  });
});

describe('nearestName()', () => {
  test('finds a slip of the pen, or a part that only one name has, and nothing else', () => {
    const names = ['lambda', 'steps', 'learning-rate', 'evaluate-every', 'checkpoint-every'];
    expect(nearestName('step', names)).toBe('steps');
    expect(nearestName('lamdba', names)).toBe('lambda');
    expect(nearestName('rate', names)).toBe('learning-rate');
    expect(nearestName('every', names)).toBeNull();
    expect(nearestName('x', names)).toBeNull();
  });
});
