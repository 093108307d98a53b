/** The corpus by family, in the order of the table in docs/sandbox.md. */
import { after, blocking, pollution, verdicts } from './own-misdeeds.ts';
import { platforms } from './own-platform.ts';
import type { Probe } from './probe.ts';
import { errors } from './published-errors.ts';
import { modules } from './published-modules.ts';
import { objects } from './published-objects.ts';
import { promised } from './published-promises.ts';
import { lately, state } from './published-state.ts';

export const families: readonly { readonly title: string; readonly probes: readonly Probe[] }[] = [
  { title: 'vm2: objects of the host', probes: objects },
  { title: 'vm2: errors', probes: errors },
  { title: 'vm2: promises', probes: promised },
  { title: 'vm2: its state, shared symbols, memory', probes: state },
  { title: 'vm2: modules', probes: modules },
  { title: 'Left for the next item', probes: pollution },
  { title: 'Verdicts that are none', probes: verdicts },
  { title: 'Answers that do not come, memory without end', probes: blocking },
  { title: 'After the answer, strings as code, the clock', probes: [...after, ...lately] },
  { title: 'The platform, if one had it', probes: platforms },
];

export const corpus: readonly Probe[] = families.flatMap(({ probes }) => probes);
