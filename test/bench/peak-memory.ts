/** How much memory this process has held since it was asked to look, by the kernel's own count; on other systems than Linux since its start. */
import { readFileSync, writeFileSync } from 'node:fs';

/** Begins a new look: the peak until now is forgotten where the system can forget it. */
export function forgetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Nothing to forget it with: the peaks are those since the start.
  }
}

/** The most memory held since then, in bytes. */
export function peakBytes(): number {
  try {
    const kibibytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (kibibytes !== undefined) return 1024 * Number(kibibytes);
  } catch {
    // No such file: another system.
  }
  return 1024 * process.resourceUsage().maxRSS;
}
