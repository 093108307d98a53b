/** Conformance: the manifest alone. */
import { canonicalJson } from '@evenkeel/core';
import type { VerifierManifest } from '../contract.ts';
import type { Findings } from './finding.ts';

const kebabCase = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const known = new Set([
  'id',
  'version',
  'sdk',
  'title',
  'levels',
  'limits',
  'permissions',
  'rewards',
  'components',
] satisfies (keyof VerifierManifest)[] as string[]);

/** @returns whether the rest can be checked at all */
export function checkManifest(manifest: VerifierManifest, findings: Findings): boolean {
  try {
    canonicalJson(manifest);
  } catch (error) {
    findings.add('manifest', `the manifest is not plain JSON: ${error}`, 'an object of plain JSON');
    return false;
  }
  if (typeof manifest !== 'object' || manifest === null) {
    findings.add('manifest', `the manifest is ${manifest}`, 'an object');
    return false;
  }
  for (const [met, seen, expected] of expectations(manifest)) if (!met) findings.add('manifest', seen, expected);
  for (const field of Object.keys(manifest)) {
    if (!known.has(field)) findings.add('manifest', `it has the field "${field}"`, `one of ${[...known].join(', ')}`);
  }
  return isTexts(manifest.levels) && manifest.levels.length > 0;
}

type Expectation = readonly [met: boolean, seen: string, expected: string];

function expectations(manifest: VerifierManifest): Expectation[] {
  const { id, version, sdk, title, levels, limits, permissions } = manifest;
  return [
    [kebabCase.test(String(id)), `id is ${show(id)}`, 'kebab-case: lower-case letters, digits and single dashes'],
    [/^\d+\.\d+\.\d+/.test(String(version)), `version is ${show(version)}`, 'a semantic version such as 1.0.0'],
    [sdk === '^1', `sdk is ${show(sdk)}`, '"^1"'],
    [
      typeof title === 'string' && title.length > 0 && title.length <= 200,
      `title is ${show(title)}`,
      '1 to 200 characters',
    ],
    [
      isTexts(levels) && levels.length > 0,
      `levels is ${show(levels)}`,
      'names of levels, at least one, in order of difficulty',
    ],
    [new Set(levels).size === (levels ?? []).length, `levels is ${show(levels)}`, 'each level once'],
    [isWithin(limits?.timeMs, 1, 60_000), `limits.timeMs is ${show(limits?.timeMs)}`, 'a whole number, 1 to 60000'],
    [isWithin(limits?.memoryMb, 1, 2048), `limits.memoryMb is ${show(limits?.memoryMb)}`, 'a whole number, 1 to 2048'],
    [
      [permissions?.net, permissions?.read, permissions?.env].every(isTexts),
      `permissions is ${show(permissions)}`,
      '{ net: [], read: [], env: [] } with what is needed in them',
    ],
    ...scaleExpectations(manifest),
  ];
}

function scaleExpectations({ rewards, components }: VerifierManifest): Expectation[] {
  const scale: Expectation[] = [];
  if (rewards !== undefined && 'min' in rewards) {
    scale.push([rewards.min < rewards.max, `rewards is ${show(rewards)}`, 'min below max']);
  } else if (rewards !== undefined) {
    const values = new Set(rewards);
    const fits = values.size >= 2 && values.size === rewards.length && [...values].every(Number.isFinite);
    scale.push([fits, `rewards is ${show(rewards)}`, 'at least two different numbers']);
  }
  if (components === undefined) return scale;
  const fits =
    isTexts(components) &&
    new Set(components).size === components.length &&
    components.every((name) => kebabCase.test(name) && name !== 'verdict');
  return [
    ...scale,
    [fits, `components is ${show(components)}`, 'different names in kebab-case, none of them "verdict"'],
  ];
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string' && each !== '');
}

function isWithin(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? 'missing';
}
