import type { AppliedChange, RunChange } from '@evenkeel/protocol';
import { settingText } from '../train/setting-assignments.ts';

/** A change of a run in words: `set lambda 0.4`, `add task zebra (zebra 1.0.0, tiny)`. */
export function changeText(change: RunChange): string {
  switch (change.kind) {
    case 'set': {
      const settings = Object.entries(change.settings).map(([name, value]) => `${settingText(name)} ${value}`);
      return `set ${settings.join(', ')}`;
    }
    case 'add-task': {
      const { name, verifier, level, prompts } = change.task;
      const id = verifier.split('@', 1)[0]!;
      const words = [
        `${id} ${change.verifier.version}`,
        level,
        ...(prompts === undefined ? [] : [`prompts ${prompts}`]),
      ];
      return `add task ${name} (${words.join(', ')})`;
    }
    case 'retire-task':
      return `retire task ${change.task}`;
    case 'evaluate':
      return 'evaluate';
    case 'stop-after':
      return `stop after step ${change.step}`;
    case 'pin':
      return `pin step ${change.step}`;
    case 'unpin':
      return `unpin step ${change.step}`;
    case 'pause':
    case 'resume':
    case 'stop':
      return change.kind;
    case 'engine':
      return `engine ${change.from} → ${change.to}`;
  }
}

/** `after step 12: set lambda 0.4`. */
export function appliedChangeText({ step, change }: Pick<AppliedChange, 'step' | 'change'>): string {
  return `after step ${step}: ${changeText(change)}`;
}

/** Whether a change is told beside the run itself: a pause and its end say when it was worked on, not what it is. */
export function isOfWeight({ change }: Pick<AppliedChange, 'change'>): boolean {
  return change.kind !== 'pause' && change.kind !== 'resume';
}
