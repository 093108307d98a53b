/**
 * Where the engine's time goes, by operation: onnxruntime's profiler on the graphs that a loss with its gradient, or decoding, runs.
 *
 *     npm run bench profile -- train|decode [--shape 5.9M] [--groups 16] [--rollouts 8] [--threads 2] [--repeats 3] [--json]
 *
 * The profiler costs some per cent itself; rates without it are `matmul`'s and `decode`'s.
 */
import { parseArgs } from 'node:util';
import { PolicyEngine } from '@evenkeel/policy';
import { wholeNumber } from './arguments.ts';
import { benchPolicy, benchPrompts, randomBatch, shapeNamed } from './bench-policy.ts';
import { mergeRows, operationHead, operationLines, operationRows } from './operation-table.ts';
import { sampling } from './our-step.ts';
import { watchSessions } from './session-profile.ts';
import { textTable } from './text-table.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    shape: { type: 'string', default: '5.9M' },
    groups: { type: 'string', default: '16' },
    rollouts: { type: 'string', default: '8' },
    threads: { type: 'string', default: '2' },
    repeats: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
});
const [work = 'train'] = positionals;
if (work !== 'train' && work !== 'decode') {
  console.error(`Cannot profile ${work}: there is no such work, expected train or decode`);
  process.exit(2);
}
const number = (name: 'groups' | 'rollouts' | 'threads' | 'repeats'): number =>
  wholeNumber('profile', name, values[name]);
const [groups, rollouts, repeats] = [number('groups'), number('rollouts'), number('repeats')];
const policy = benchPolicy(shapeNamed('profile', values.shape));
const size = { groups, rollouts, promptTokens: 38, completionTokens: 32 };

const { sessions } = await watchSessions(async () => {
  const engine = new PolicyEngine(policy.config, { threads: number('threads') });
  engine.setParameters(policy.parameters.views);
  const batch = randomBatch(policy, size);
  const prompts = benchPrompts(groups, size.promptTokens).map((text) => policy.tokenizer.encode(text));
  for (let repeat = 0; repeat <= repeats; repeat++) {
    const start = performance.now();
    if (work === 'train') await engine.lossAndGradient(batch);
    else await engine.generate(prompts, sampling(rollouts, size.completionTokens, repeat));
    if (!values.json)
      console.log(`${work}: ${(performance.now() - start).toFixed(0)} ms${repeat === 0 ? ' (cold)' : ''}`);
  }
});

for (const session of sessions) {
  // Of each repeat after the first: what a session does in it.
  const runs = session.runs.length / (repeats + 1);
  const rows = operationRows(session, runs);
  if (values.json)
    console.log(JSON.stringify({ kind: 'graph', graph: session.graph, runs, repeats, operations: rows }));
  else {
    console.log(`\n${session.graph}, ${runs} runs in each, of them all`);
    console.log(textTable(operationHead, operationLines(rows, repeats)));
  }
}
if (!values.json && sessions.length > 1) {
  const rows = mergeRows(sessions.map((session) => operationRows(session, session.runs.length / (repeats + 1))));
  console.log('\nall graphs together');
  console.log(textTable(operationHead, operationLines(rows, repeats)));
}
