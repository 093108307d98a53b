/** A step's writes by a real process, recorded: `node recorded-store.ts HOME` prints the calls as JSON. */

import { writeRunRecord } from '@evenkeel/activities';
import { openFolderStore } from '@evenkeel/store';
import { answered, calls } from './record-calls.ts';

const [home = ''] = process.argv.slice(2);
const store = await openFolderStore(`${home}/store`);

async function put(kind: string, text: string) {
  const ref = await store.put(kind, Buffer.from(text));
  answered('put', ref);
  return ref;
}

for (const step of [1, 2]) {
  const key = `run/step-00000${step}/rollout`;
  await store.journal({ key, kind: 'started', worker: 'rollout-1', pid: 1 });
  const refs = [await put('rollouts', `rollouts of step ${step}`), await put('policy', `policy ${step}`)];
  // Somebody made it before, and its folder is there.
  await put('policy', 'policy 1');
  const commit = await store.commit(key, { result: { step }, refs, attempt: 1 });
  answered('commit', commit);
  await store.journal({ key, kind: 'committed', worker: 'rollout-1', pid: 1 });
  for (const name of [`steps/00000${step}.json`, `states/00000${step}.json`]) {
    const value = { version: 1, step, state: { policy: refs[1] } };
    const path = await writeRunRecord(home, 'run', name, value);
    answered('record', { path: path.slice(home.length + 1), value });
  }
}
await store.close();
process.stdout.write(JSON.stringify(calls));
