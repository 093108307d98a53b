import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArtefactRef } from '@evenkeel/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FolderStore, openFolderStore } from './folder-store.ts';
import { type SweepOptions, sweepMoments, sweepStore } from './gc.ts';

const OLD = new Date('2020-01-01T00:00:00Z');

let folder: string;
let store: FolderStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-gc-'));
  store = await openFolderStore(join(folder, 'store'));
});

afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const put = (text: string) => store.put('text', new TextEncoder().encode(text));
const age = (ref: ArtefactRef) => utimes(store.pathOf(ref), OLD, OLD);

async function putOld(text: string): Promise<ArtefactRef> {
  const ref = await put(text);
  await age(ref);
  return ref;
}

async function commit(key: string, ...refs: ArtefactRef[]): Promise<void> {
  await store.commit(key, { result: key, refs, attempt: 1 });
  for (const ref of refs) await age(ref);
}

/** Drops what `fate` says, marks nothing but what is given, and keeps what was used since now. */
function options(fate: SweepOptions['fates'], marked: readonly ArtefactRef[] = []): SweepOptions {
  const begun = Date.now() - 100;
  return {
    fates: fate,
    marked: async () => new Set(marked.map(({ sha256 }) => sha256)),
    staysByAge: (at) => at >= begun,
  };
}

const dropAll: SweepOptions['fates'] = (commits) => commits.map(() => 'drop');

async function keysThere(): Promise<string[]> {
  return (await store.listCommits()).map(({ key }) => key);
}

describe('sweepStore()', () => {
  test('takes what nobody names, and leaves what is marked, what a kept commit names, and what was used since the cutoff', async () => {
    const [marked, named, unnamed] = [await putOld('marked'), await putOld('named'), await putOld('unnamed')];
    const young = await put('young');
    await commit('run/step-000001/a', named);
    const report = await sweepStore(
      store,
      options(() => ['keep'], [marked]),
    );
    expect(report.artefacts).toEqual([{ sha256: unnamed.sha256, bytes: 7 }]);
    for (const ref of [marked, named, young]) expect(await store.has(ref)).toBe(true);
    expect(await keysThere()).toEqual(['run/step-000001/a']);
  });

  test('an artefact that another commit still names outlives the commit that goes', async () => {
    const [shared, own] = [await putOld('shared'), await putOld('own')];
    await commit('a/1/x', shared, own);
    await commit('b/1/x', shared);
    const report = await sweepStore(
      store,
      options((commits) => commits.map(({ key }) => (key.startsWith('a/') ? 'drop' : 'keep'))),
    );
    expect(report.dropped.map(({ key }) => key)).toEqual(['a/1/x']);
    expect(report.artefacts.map(({ sha256 }) => sha256)).toEqual([own.sha256]);
    expect(await store.lookup('b/1/x')).not.toBeNull();
    expect(await store.lookup('a/1/x')).toBeNull();
  });

  test('a commit that follows its artefacts stays while all of them do', async () => {
    const [used, unused] = [await putOld('used'), await putOld('unused')];
    await commit('puzzles/1', used);
    await commit('puzzles/2', used, unused);
    const follow: SweepOptions['fates'] = (commits) => commits.map(() => 'follow');
    await sweepStore(store, options(follow, [used]));
    expect(await keysThere()).toEqual(['puzzles/1']);
  });

  test('of a dry run nothing is gone, and the report is the same', async () => {
    const ref = await putOld('unwanted');
    await commit('run/step-000001/a', ref);
    const told = await sweepStore(store, { ...options(dropAll), dryRun: true });
    await age(ref);
    expect(await keysThere()).toEqual(['run/step-000001/a']);
    await age(ref);
    const done = await sweepStore(store, options(dropAll));
    expect({ ...told, dropped: told.dropped.length }).toEqual({ ...done, dropped: done.dropped.length });
    expect(done).toMatchObject({ commits: { count: 1 }, artefacts: [{ sha256: ref.sha256 }] });
  });

  test('leaves no empty folders of commits behind', async () => {
    await commit('run/step-000001/a');
    await commit('run/step-000002/a');
    await sweepStore(
      store,
      options((commits) => commits.map(({ key }) => (key.includes('000001') ? 'drop' : 'keep'))),
    );
    const runs = await readdir(join(store.folder, 'commits'));
    expect(runs).toHaveLength(1);
    expect(await readdir(join(store.folder, 'commits', runs[0]!))).toHaveLength(1);
  });

  test('what is used in the moment in which it is moved aside is taken back, by each way of using it', async () => {
    const uses: readonly ((ref: ArtefactRef) => Promise<unknown>)[] = [
      () => put('unwanted'),
      (ref) => store.get(ref),
      (ref) => store.has(ref),
      (ref) => store.commit('run/step-000009/new', { result: 1, refs: [ref], attempt: 1 }),
      () => store.lookup('run/step-000001/kept-by-its-use'),
    ];
    const ref = await putOld('unwanted');
    for (const use of uses) {
      for (const moment of ['commits-dropped', 'marked', 'moved-aside', 'looked-again'] as const) {
        await age(ref);
        let used: unknown = null;
        const report = await sweepStore(store, {
          ...options((commits) => commits.map(() => 'drop')),
          at: async (name) => {
            if (name !== moment) return;
            if (use === uses.at(-1)) {
              await store.commit('run/step-000001/kept-by-its-use', { result: 1, refs: [ref], attempt: 1 });
              await utimes(store.pathOf(ref), OLD, OLD);
            }
            used = await use(ref);
          },
        });
        expect(used).toBeTruthy();
        expect(report.artefacts).toEqual([]);
        expect((await store.get(ref)).length).toBe(8);
        expect(await readdir(join(store.folder, 'aside'))).toEqual([]);
      }
    }
  });

  test('an age that was refreshed between the look and the move is seen before anything is deleted', async () => {
    const ref = await putOld('unwanted');
    const aside = join(store.folder, 'aside', ref.sha256);
    const { artefacts } = await sweepStore(store, {
      ...options(() => []),
      at: async (moment) => {
        const now = new Date();
        if (moment === 'moved-aside') await utimes(aside, now, now);
      },
    });
    expect(artefacts).toEqual([]);
    expect(await store.has(ref)).toBe(true);
  });

  test('what a killed sweep left aside is put back where it is wanted, and deleted where it is not', async () => {
    const wanted = await putOld('wanted');
    const unwanted = await putOld('unwanted');
    for (const only of [wanted, unwanted]) {
      const killed = sweepStore(store, {
        ...options(() => []),
        only: () => new Set([only.sha256]),
        at: (moment) => {
          if (moment === 'moved-aside') throw new Error('killed');
        },
      });
      await expect(killed).rejects.toThrow('killed');
      expect(await readdir(join(store.folder, 'aside'))).toEqual([only.sha256]);
      await sweepStore(store, { ...options(() => [], [wanted]), only: () => new Set([only.sha256]) });
      expect(await readdir(join(store.folder, 'aside'))).toEqual([]);
    }
    expect(await store.has(wanted)).toBe(true);
    expect(await store.has(unwanted)).toBe(false);
  });

  test('two sweeps at once take what each of them would, and no more', async () => {
    const texts = Array.from({ length: 12 }, (_, index) => `${index}`);
    const refs = await Promise.all(texts.map((text) => putOld(text)));
    const [marked, unmarked] = [refs.slice(0, 6), refs.slice(6)];
    const reports = await Promise.all(
      [1, 2, 3].map(() =>
        sweepStore(
          store,
          options(() => [], marked),
        ),
      ),
    );
    const gone = new Set(reports.flatMap(({ artefacts }) => artefacts.map(({ sha256 }) => sha256)));
    expect([...gone].sort()).toEqual(unmarked.map(({ sha256 }) => sha256).sort());
    for (const ref of marked) expect((await store.get(ref)).length).toBe(ref.bytes);
    for (const ref of unmarked) expect(await store.has(ref)).toBe(false);
    expect(await readdir(join(store.folder, 'aside'))).toEqual([]);
  });

  test('a damaged commit record is let alone, and told', async () => {
    const ref = await putOld('named');
    await commit('run/step-000001/a', ref);
    const [run] = await readdir(join(store.folder, 'commits'));
    const [step] = await readdir(join(store.folder, 'commits', run!));
    const [name] = await readdir(join(store.folder, 'commits', run!, step!));
    const path = join(store.folder, 'commits', run!, step!, name!);
    await writeFile(path, (await readFile(path, 'utf8')).replace('run/', 'rum/'));
    const report = await sweepStore(
      store,
      options(() => []),
    );
    expect(report.damaged).toEqual([path]);
    expect((await stat(path)).isFile()).toBe(true);
  });

  test('journal files of ended processes go where they are older than every commit that stays', async () => {
    const journal = join(store.folder, 'journal');
    // No process has this pid: it is above the largest.
    for (const [name, at] of [
      ['4194999-a.jsonl', '2020-01-01'],
      ['4194999-b.jsonl', '2021-01-01'],
      [`${process.pid}-c.jsonl`, '2020-01-01'],
    ] as const) {
      await writeFile(join(journal, name), 'x\n');
      await utimes(join(journal, name), new Date(at), new Date(at));
    }
    await commit('run/step-000001/a');
    const report = await sweepStore(
      store,
      options((commits) => {
        expect(commits[0]!.at).toBeGreaterThan(Date.parse('2021-01-01'));
        return ['keep'];
      }),
    );
    expect(report.journal).toEqual({ count: 2, bytes: 4 });
    expect(await readdir(journal)).toEqual([`${process.pid}-c.jsonl`]);
  });

  test('killed at any moment, it leaves a store in which every commit is whole, and the next one ends the work', async () => {
    for (const moment of sweepMoments) {
      for (const nth of [1, 2]) {
        const own = await openFolderStore(join(folder, `${moment}-${nth}`));
        const refs: ArtefactRef[] = [];
        for (let step = 1; step <= 4; step++) {
          const ref = await own.put('text', new TextEncoder().encode(`${step}`));
          refs.push(ref);
          await own.commit(`run/step-${step}/a`, { result: step, refs: [ref, refs[0]!], attempt: 1 });
        }
        await writeFile(join(own.folder, 'journal', '4194999-a.jsonl'), '');
        await utimes(join(own.folder, 'journal', '4194999-a.jsonl'), OLD, OLD);
        for (const ref of refs) await utimes(own.pathOf(ref), OLD, OLD);
        const begun = Date.now() + 1_000;
        const sweep: SweepOptions = {
          fates: (commits) => commits.map(({ key }) => (key === 'run/step-4/a' ? 'keep' : 'drop')),
          marked: async () => new Set(),
          staysByAge: (at) => at >= begun,
        };
        let left = nth;
        const killed = sweepStore(own, {
          ...sweep,
          at: (name) => {
            if (name === moment && --left === 0) throw new Error('killed');
          },
        });
        const once = ['commits-dropped', 'marked', 'journal-dropped'].includes(moment);
        if (nth === 1 || !once) await expect(killed).rejects.toThrow('killed');
        else await killed;
        for (const { refs: named } of await own.listCommits()) {
          for (const ref of named) expect((await stat(own.pathOf(ref))).size).toBe(ref.bytes);
        }
        await sweepStore(own, sweep);
        expect((await own.listCommits()).map(({ key }) => key)).toEqual(['run/step-4/a']);
        expect((await own.get(refs[3]!)).length).toBe(1);
        expect((await own.get(refs[0]!)).length).toBe(1);
        expect(await own.has(refs[1]!)).toBe(false);
        expect(await readdir(join(own.folder, 'aside'))).toEqual([]);
        await own.close();
      }
    }
  });

  test('beside any interleaving of puts, commits and reads it takes nothing that was told to be there', async () => {
    const use = fc.record({
      what: fc.constantFrom('put', 'commit', 'get', 'lookup'),
      content: fc.integer({ min: 0, max: 5 }),
      at: fc.constantFrom(...sweepMoments),
      nth: fc.integer({ min: 1, max: 3 }),
    });
    const scenario = fc.record({
      there: fc.uniqueArray(fc.integer({ min: 0, max: 5 }), { minLength: 1 }),
      commits: fc.array(fc.record({ content: fc.integer({ min: 0, max: 5 }), kept: fc.boolean() }), { maxLength: 5 }),
      marked: fc.uniqueArray(fc.integer({ min: 0, max: 5 }), { maxLength: 2 }),
      uses: fc.array(use, { minLength: 1, maxLength: 6 }),
    });
    let number = 0;
    await fc.assert(
      fc.asyncProperty(scenario, async ({ there, commits, marked, uses }) => {
        const own = await openFolderStore(join(folder, `property-${number++}`));
        const contents = new Map<number, ArtefactRef>();
        const make = async (content: number) => {
          const ref = await own.put('text', new TextEncoder().encode(`content ${content}`));
          contents.set(content, ref);
          return ref;
        };
        for (const content of there) await make(content);
        for (const [index, { content, kept }] of commits.entries()) {
          const ref = await make(content);
          await own.commit(`${kept ? 'kept' : 'gone'}/${index}`, { result: index, refs: [ref], attempt: 1 });
        }
        for (const ref of contents.values()) await utimes(own.pathOf(ref), OLD, OLD);
        const begun = Date.now() - 1_000;
        /** What somebody was told is there: it must be there at the end. */
        const promised: ArtefactRef[] = [];
        const underWay: Promise<unknown>[] = [];
        const act = async ({ what, content }: { what: string; content: number }) => {
          const ref = contents.get(content);
          if (what === 'put') promised.push(await make(content));
          if (what === 'get' && ref !== undefined) {
            const found = await own.get(ref).catch((thrown) => {
              expect(thrown).toMatchObject({ code: 'artefact-missing' });
              return null;
            });
            if (found !== null) promised.push(ref);
          }
          if (what === 'commit') {
            const made = await make(content);
            const { refs } = await own.commit(`gone/${content}`, { result: 'new', refs: [made], attempt: 2 });
            promised.push(...refs);
          }
          if (what === 'lookup') promised.push(...((await own.lookup(`gone/${content}`))?.refs ?? []));
        };
        const seen = new Map<string, number>();
        await sweepStore(own, {
          fates: (all) => all.map(({ key }) => (key.startsWith('kept/') ? 'keep' : 'drop')),
          marked: async () => new Set(marked.flatMap((content) => contents.get(content)?.sha256 ?? [])),
          staysByAge: (at) => at >= begun,
          at: (moment) => {
            const nth = (seen.get(moment) ?? 0) + 1;
            seen.set(moment, nth);
            const now = uses.filter((one) => one.at === moment && one.nth === nth).map(act);
            underWay.push(...now);
            // Some run to their end within the moment, some beside what the sweep does next.
            return nth % 2 === 0 ? Promise.all(now).then(() => {}) : undefined;
          },
        });
        await Promise.all(underWay);
        for (const ref of promised) expect((await own.get(ref)).length).toBe(ref.bytes);
        for (const commit of await own.listCommits()) {
          for (const ref of commit.refs) expect((await own.get(ref)).length).toBe(ref.bytes);
        }
        await own.close();
        await rm(own.folder, { recursive: true, force: true });
      }),
      { seed: 6, numRuns: 80 },
    );
  });
});
