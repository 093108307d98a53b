/** What a block of a page shows as a pattern: `…` on a line of its own stands for any lines, within a line for anything. */
export function patternOf(shown: string): RegExp {
  const lines = shown
    .trimEnd()
    .split('\n')
    .map((line) => (line === '…' ? '(?:.*\\n)*?' : `${line.split('…').map(RegExp.escape).join('.*')} *\\n`));
  return new RegExp(`^${lines.join('')}$`);
}
