import type { LogFields, Logger } from '@evenkeel/core';

/** Log lines on stderr: time, level, message, fields as JSON. */
export function stderrLogger(): Logger {
  const write = (level: string) => (message: string, fields?: LogFields) => {
    const rest = fields === undefined ? '' : ` ${JSON.stringify(fields)}`;
    process.stderr.write(`${new Date().toISOString()} ${level} ${message}${rest}\n`);
  };
  return { debug() {}, info: write('info'), warn: write('warn'), error: write('error') };
}
