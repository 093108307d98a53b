import { describe, expect, test } from 'vitest';
import { byPreference, isVersion } from './semver.ts';

describe('byPreference()', () => {
  test('puts the highest release first and pre-releases last, each in the order of semver.org', () => {
    const inOrder = [
      '10.0.0',
      '2.10.0',
      '2.9.1',
      '2.9.0',
      '1.0.0',
      '3.0.0-rc.1',
      '1.0.0-rc.1',
      '1.0.0-beta.11',
      '1.0.0-beta.2',
      '1.0.0-beta',
      '1.0.0-alpha.beta',
      '1.0.0-alpha.1',
      '1.0.0-alpha',
    ];
    expect([...inOrder].sort(byPreference)).toEqual(inOrder);
    expect([...inOrder].reverse().sort(byPreference)).toEqual(inOrder);
  });

  test('loses no digit of a long number, and is total', () => {
    expect(byPreference('9007199254740993.0.0', '9007199254740992.0.0')).toBe(-1);
    expect(byPreference('1.0.0+b', '1.0.0+a')).toBe(-1);
    expect(byPreference('1.0.0', '1.0.0')).toBe(0);
  });
});

describe('isVersion()', () => {
  test('takes exact versions and no range, no path, no leading zero', () => {
    expect(['1.2.3', '0.0.0-a.1+b'].every(isVersion)).toBe(true);
    expect(['1.2', 'v1.2.3', '^1.2.3', '01.2.3', '1.2.3/..', '', '1.2.3 '].some(isVersion)).toBe(false);
  });
});
