/**
 * Published ways out by modules of the platform: most concern NodeVM, which hands out modules. Here nobody hands out any; the probes
 * look for somebody who does, and ask for the module in all the ways that once worked.
 */
import { attempted } from './plunder.ts';
import { type BreakOut, type Loose, realm, type World } from './probe.ts';
import { hostThings } from './reach.ts';

/** Whoever might load a module. */
function loaders(): Loose[] {
  const found: Loose[] = [realm.require, realm.module?.require, realm.process?.mainModule?.require];
  for (const thing of [...hostThings(), realm.process, realm.global?.process, realm.root, realm.GLOBAL]) {
    for (const name of [
      'require',
      'getBuiltinModule',
      'binding',
      '_linkedBinding',
      '_load',
      'createRequire',
      'dlopen',
    ]) {
      const loader = attempted(() => thing?.[name]);
      if (typeof loader === 'function') found.push(loader.bind(thing));
    }
  }
  return found.filter((loader) => typeof loader === 'function');
}

/** A module by its names, and what is done with it. */
function asking(names: readonly string[], use: (module: Loose, world: World) => unknown): BreakOut['attempt'] {
  return (world) => {
    const got: unknown[] = [];
    for (const load of loaders()) {
      for (const name of names) {
        const module = attempted(() => load(name));
        if (module === undefined) continue;
        got.push(attempted(() => use(module, world)));
      }
    }
    return got;
  };
}

const about = (name: string, advisory: string, versions: string, idea: string) => ({ name, advisory, versions, idea });

export const modules: readonly BreakOut[] = [
  {
    ...about(
      'loader-of-modules',
      'CVE-2026-43999, GHSA-947f-4v7f-x2v8',
      '≤ 3.10.5',
      'The module `module` loads any other',
    ),
    attempt: asking(['module', 'node:module'], (module) => module._load('child_process').execSync('true')),
  },
  {
    ...about('threads-and-forks', 'GHSA-947f-4v7f-x2v8', '≤ 3.10.5', 'A thread or a process of its own has no sandbox'),
    attempt: asking(['worker_threads', 'cluster'], (module) => [
      new module.Worker('1', { eval: true }),
      module.fork?.(),
    ]),
  },
  {
    ...about(
      'process-as-a-module',
      'CVE-2026-47140, GHSA-rp36-8xq3-r6c4',
      '≤ 3.11.3',
      'The modules `process` and `inspector/promises` were not on the list',
    ),
    attempt: asking(['process', 'node:process', 'inspector/promises', 'inspector'], (module) => [
      module.getBuiltinModule?.('child_process').execSync('true'),
      new module.Session().connect(),
      module.env,
    ]),
  },
  {
    ...about(
      'private-network-modules',
      'CVE-2026-47139, GHSA-r9pm-gxmw-wv6p',
      '≤ 3.11.3',
      '`_http_client` and its like connect although http and net are denied',
    ),
    attempt: asking(['_http_client', '_http_server', '_tls_wrap', 'node:_http_client'], (module, { port }) =>
      new module.ClientRequest({ host: '127.0.0.1', port }).end(),
    ),
  },
  {
    ...about(
      'observers-of-the-process',
      'CVE-2026-47141, GHSA-9g8x-92q2-p28f',
      '≤ 3.11.3',
      'diagnostics_channel, async_hooks, perf_hooks and v8 tell what the host does',
    ),
    attempt: asking(['diagnostics_channel', 'async_hooks', 'perf_hooks', 'v8'], (module) => [
      module.executionAsyncResource?.(),
      module.getHeapSnapshot?.(),
    ]),
  },
  {
    ...about(
      'system-and-names',
      'CVE-2026-92960, GHSA-m5w8-4gq2-6f8x',
      '≤ 3.11.5',
      'os and dns change priorities and name servers of the host',
    ),
    attempt: asking(['os', 'dns'], (module, { hostPid }) => [
      module.setServers?.(['127.0.0.1']),
      module.setPriority?.(hostPid, 19),
    ]),
  },
  {
    ...about(
      'prefix-of-the-denied',
      'CVE-2026-92957, GHSA-8686-vhfx-7r3j',
      '≤ 3.11.6',
      'A denial written with node: denied nothing',
    ),
    attempt: asking(['node:child_process', 'node:node:child_process'], (module) => module.execSync('true')),
  },
  {
    ...about(
      'subpath-of-the-denied',
      'CVE-2026-92958, GHSA-6rh5-qq4q-97xh',
      '≤ 3.11.6',
      'fs was denied, fs/promises not',
    ),
    attempt: asking(['fs/promises', 'node:fs/promises'], (module, { folder }) =>
      module.writeFile(`${folder}/written`, ''),
    ),
  },
  {
    ...about(
      'runner-of-tests',
      'GHSA-qhwx-74w5-xhxq',
      '3.9.6 – 3.11.6',
      'node:test starts processes, with arguments of ours',
    ),
    attempt: asking(['node:test', 'test', 'node:node:test'], (module, { folder }) =>
      module.run({
        files: ['x.js'],
        execArgv: [`--eval=require("fs").writeFileSync(${JSON.stringify(`${folder}/written`)},"")`],
      }),
    ),
  },
  {
    ...about(
      'database-module',
      'CVE-2026-92938, GHSA-6w8r-xxw2-g3hx',
      '3.11.3 – 3.11.6',
      'node:sqlite opens files and loads native code',
    ),
    attempt: asking(['node:sqlite', 'sqlite', 'node:node:sqlite'], (module, { canaryDatabase }) => [
      new module.DatabaseSync(canaryDatabase).prepare('SELECT * FROM canary').all(),
    ]),
  },
  {
    ...about(
      'engine-of-ciphers',
      'CVE-2026-92939, GHSA-98xx-8mx4-x7cm; GHSA-x3v6-43hc-82mc',
      '3.11.3 – 3.12.0',
      'crypto loads an engine, or changes the mode of the whole process',
    ),
    attempt: asking(['crypto'], (module) => [module.setEngine?.('/nowhere.so'), module.setFips?.(1)]),
  },
  {
    ...about(
      'agent-of-the-host',
      'CVE-2026-92940, GHSA-h85j-hv3c-qfgq',
      '3.11.3 – 3.11.6',
      'The agent of https is the host’s: whoever listens to it is told headers and sockets',
    ),
    attempt: asking(['https', 'http'], (module) => module.globalAgent.on('free', () => {})),
  },
  {
    ...about(
      'certificates-of-the-host',
      'CVE-2026-92941',
      '3.11.3 – 3.11.6',
      'tls trusts for the whole process what we say',
    ),
    attempt: asking(['tls'], (module) => module.setDefaultCACertificates([])),
  },
  {
    ...about(
      'call-sites-of-the-host',
      'CVE-2026-92933, GHSA-r273-hxvj-fxhp',
      '≤ 3.11.7',
      'util.getCallSites tells the stack of the host',
    ),
    attempt: asking(['util'], (module) => module.getCallSites()),
  },
  {
    ...about(
      'children-allowed',
      'CVE-2026-93605, GHSA-pq68-rvw4-xp4r',
      '≤ 3.12.0',
      'child_process was left out of the list of the dangerous',
    ),
    attempt: asking(['child_process'], (module) => module.execSync('true')),
  },
  {
    ...about(
      'sandbox-in-the-sandbox',
      'CVE-2026-44007, GHSA-8hg8-63c5-gwmx; CVE-2026-47137, GHSA-m4wx-m65x-ghrr; CVE-2026-92935, GHSA-8hr7-r645-pc6w',
      '≤ 3.11.6',
      'With nesting, vm2 itself can be asked for: a NodeVM of ours allows what we like',
    ),
    attempt: asking(['vm2', './node_modules/vm2'], (module) =>
      new module.NodeVM({ require: { builtin: ['child_process'] } }).run('module.exports = process'),
    ),
  },
  {
    ...about('vm2-from-the-disk', 'CVE-2026-92946', '≤ 3.11.6', 'vm2 is required by its path'),
    attempt: (world) =>
      asking(
        [`${world.folder}/../node_modules/vm2`, 'node_modules/vm2/index.js'],
        (module) => new module.NodeVM(),
      )(world),
  },
  {
    ...about(
      'link-out-of-the-root',
      'CVE-2026-43998, GHSA-cp6g-6699-wx9c',
      '≤ 3.10.5',
      'A link inside the allowed folder leads out of it',
    ),
    attempt: (world) => asking([`${world.folder}/link.js`, './link.js'], (module) => module)(world),
  },
  {
    ...about(
      'name-that-contains-the-allowed',
      'CVE-2026-92951, GHSA-c48m-32m9-vx93; CVE-2026-100721, GHSA-5h3f-q97h-ccvc; GHSA-7q3f-wx44-378m',
      '≤ 3.12.1',
      'A module’s name or path begins with, holds, or climbs out of an allowed one',
    ),
    attempt: asking(['countdown/../../fs', 'evil-countdown', 'zod2', '@evenkeel/core/../store'], (module) => module),
  },
  {
    ...about('import-expression', 'vm2 catalogue, 13', '≤ 3.6', 'import() returns a promise of the host'),
    attempt(world) {
      const got: unknown[] = [];
      for (const name of ['fs', 'node:fs', `${world.folder}/written.js`, 'data:text/javascript,export default 1']) {
        const promise = attempted(() => import(name)) as Loose;
        got.push(
          promise,
          attempted(() => promise.constructor),
        );
        attempted(() => promise.catch((error: unknown) => got.push(error)));
      }
      return got;
    },
  },
];
