/**
 * What code does that has the platform before it, because it got out of vm2: each entry is one thing that must not be possible, tried
 * in the plainest way. Where the platform is not even there, nothing comes of it.
 */
import { attempted } from './plunder.ts';
import { type BreakOut, type Loose, realm, type World } from './probe.ts';
import { hostThings } from './reach.ts';

function processes(): Loose[] {
  return [
    realm.process,
    ...hostThings().map((thing) => attempted(() => thing.process ?? thing.constructor.constructor('return process')())),
  ].filter((found) => found !== undefined && found !== null);
}

type Act = (module: (name: string) => Loose, world: World, process: Loose) => unknown;

/** @param consequence what it is called, if `act` returns something true */
function platform(name: string, idea: string, consequence: string, act: Act): BreakOut {
  return {
    name,
    advisory: '—',
    versions: '—',
    idea,
    attempt: (world) =>
      processes().map((process) => {
        const load = process.getBuiltinModule ?? process.mainModule?.require ?? realm.require;
        // Taken away by the driver; the platform's own modules ask for it.
        realm.Buffer ??= attempted(() => load('node:buffer').Buffer);
        const done = attempted(() => act((wanted) => load(wanted), world, process));
        return done === undefined || done === false || done === null ? null : { did: consequence };
      }),
  };
}

const reads = 'reads a file';
const writes = 'writes a file';

export const platforms: readonly BreakOut[] = [
  platform('read-a-file', 'fs.readFileSync, and the same by descriptor', reads, (module, { canaryFile }) => {
    const fs = module('node:fs');
    return attempted(() => fs.readFileSync(canaryFile)) ?? attempted(() => fs.openSync(canaryFile));
  }),
  platform(
    'read-a-file-as-a-blob',
    'fs.openAsBlob, fs.createReadStream, fs.promises',
    reads,
    (module, { canaryFile }) => {
      const fs = module('node:fs');
      let got: unknown;
      attempted(() =>
        fs
          .createReadStream(canaryFile)
          .on('error', () => {})
          .on('data', (data: unknown) => (got = data)),
      );
      attempted(() =>
        fs.openAsBlob(canaryFile).then(
          (blob: unknown) => (got = blob),
          () => {},
        ),
      );
      return got;
    },
  ),
  platform('read-a-file-as-a-module', 'createRequire, and a file of variables', reads, (module, world, process) => {
    attempted(() => process.loadEnvFile(world.canaryFile));
    return (
      process.env?.CANARY ?? attempted(() => module('node:module').createRequire(`${world.folder}/`)(world.canaryFile))
    );
  }),
  platform('list-a-folder', 'fs.readdirSync, globSync, opendirSync', 'lists a folder', (module, { folder }) => {
    const fs = module('node:fs');
    return attempted(() => fs.readdirSync(folder)) ?? attempted(() => fs.opendirSync(folder));
  }),
  platform(
    'ask-whether-a-file-is-there',
    'fs.realpathSync and existsSync',
    'learns which files exist',
    (module, world) => {
      const fs = module('node:fs');
      return (
        attempted(() => fs.realpathSync(world.canaryFile)) ?? attempted(() => fs.existsSync(world.canaryFile) || null)
      );
    },
  ),
  platform('write-a-file', 'fs.writeFileSync, mkdirSync, symlinkSync', writes, (module, { folder }) => {
    const fs = module('node:fs');
    return (
      attempted(() => fs.writeFileSync(`${folder}/written`, 'x') ?? true) ??
      attempted(() => fs.mkdirSync(`${folder}/made`) ?? true) ??
      attempted(() => fs.symlinkSync('/', `${folder}/link`) ?? true)
    );
  }),
  platform(
    'write-what-the-runtime-writes',
    'A report, a heap snapshot, a profile, a compile cache, trace events',
    writes,
    (module, { folder }, process) =>
      [
        () => process.report.writeReport(`${folder}/report.json`),
        () => module('node:v8').writeHeapSnapshot(`${folder}/heap`),
        () => module('node:v8').setHeapSnapshotNearHeapLimit(1) ?? true,
        () => module('node:module').enableCompileCache(`${folder}/cache`).directory,
        () =>
          module('node:trace_events')
            .createTracing({ categories: ['node'] })
            .enable() ?? true,
      ]
        .map((act) => attempted(act))
        .find((done) => done !== undefined),
  ),
  platform(
    'read-a-database',
    'node:sqlite opens a file by its path',
    'reads a database',
    (module, { canaryDatabase }) =>
      new (module('node:sqlite').DatabaseSync)(canaryDatabase).prepare('SELECT * FROM canary').all(),
  ),
  platform(
    'attach-a-database',
    'A database in memory attaches one of a file',
    'reads a database',
    (module, { canaryDatabase }) => {
      const database = new (module('node:sqlite').DatabaseSync)(':memory:');
      database.exec(`ATTACH DATABASE '${canaryDatabase}' AS other`);
      return database.prepare('SELECT * FROM other.canary').all();
    },
  ),
  platform(
    'write-a-database',
    'node:sqlite makes a file, or vacuums into one',
    'writes a database',
    (module, { folder }) => {
      const database = new (module('node:sqlite').DatabaseSync)(`${folder}/made.db`);
      database.exec('CREATE TABLE IF NOT EXISTS made (value)');
      return true;
    },
  ),
  platform(
    'see-the-environment',
    'process.env, a report, and the parent’s',
    'sees the environment',
    (module, world, process) =>
      [
        process.env?.[world.variable],
        attempted(() => process.report.getReport().environmentVariables[world.variable]),
        attempted(() => module('node:fs').readFileSync(`/proc/${world.hostPid}/environ`)),
      ].find((seen) => seen !== undefined),
  ),
  platform(
    'connect',
    'net, tls, http2 to a port and to a socket file',
    'opens a socket',
    (module, { port, folder }) => {
      let failed = 0;
      const sockets = [
        attempted(() => module('node:net').connect(port, '127.0.0.1')),
        attempted(() => module('node:net').connect(`${folder}/socket`)),
        attempted(() => module('node:tls').connect(port, '127.0.0.1')),
        attempted(() => module('node:http2').connect(`http://127.0.0.1:${port}`)),
        attempted(() => module('node:http').get(`http://127.0.0.1:${port}`)),
      ];
      for (const socket of sockets) attempted(() => socket.on('error', () => failed++));
      // Whether one came is counted at the other end.
      return false;
    },
  ),
  platform('connect-by-the-web', 'fetch, WebSocket, EventSource', 'opens a socket', (_module, { port }) => {
    attempted(() => realm.fetch(`http://127.0.0.1:${port}`).catch(() => {}));
    attempted(() => new realm.WebSocket(`ws://127.0.0.1:${port}`));
    attempted(() => new realm.EventSource(`http://127.0.0.1:${port}`));
    return false;
  }),
  platform('connect-by-a-handle', 'The raw handle behind a socket', 'opens a socket', (module, { port }, process) => {
    const { TCP } = attempted(() => process.binding('tcp_wrap')) ?? {};
    const handle = attempted(() => new TCP(0)) ?? attempted(() => new (module('node:net').Socket)()._handle);
    const code = attempted(() => handle.connect({}, '127.0.0.1', port));
    return code === 0;
  }),
  platform('listen', 'A server of its own', 'opens a socket', (module) => {
    const server = module('node:net').createServer();
    server.on('error', () => {});
    attempted(() => server.listen(0));
    return attempted(() => server.address()) ?? null;
  }),
  platform('send-a-datagram', 'dgram', 'opens a socket', (module, { port }) => {
    const socket = module('node:dgram').createSocket('udp4');
    socket.on('error', () => {});
    attempted(() => socket.send('canary', port, '127.0.0.1'));
    return attempted(() => socket.address()) ?? null;
  }),
  platform('ask-for-a-name', 'dns.lookup and dns.resolve to a server of ours', 'opens a socket', (module, { port }) => {
    const dns = module('node:dns');
    attempted(() => dns.setServers([`127.0.0.1:${port}`]));
    attempted(() => dns.resolve4('canary.example', () => {}));
    attempted(() => dns.lookup('canary.example', () => {}));
    return false;
  }),
  platform(
    'start-a-process',
    'child_process in all its forms, execve',
    'starts a process',
    (module, { folder }, process) => {
      const children = module('node:child_process');
      const ways = [
        () => children.execSync(`touch ${folder}/ran`),
        () => children.spawnSync('/bin/sh', ['-c', `touch ${folder}/ran`]).pid || undefined,
        () => children.spawn('/bin/sh', ['-c', `touch ${folder}/ran`]).pid,
        () => children.fork(`${folder}/none.js`).pid,
        () => module('node:cluster').fork().process.pid,
        () => process.execve('/bin/sh', ['sh', '-c', `touch ${folder}/ran`]),
      ];
      return ways.map((way) => attempted(way)).find((done) => done !== undefined);
    },
  ),
  platform(
    'start-a-thread',
    'worker_threads',
    'starts a thread',
    (module) => new (module('node:worker_threads').Worker)('1', { eval: true }),
  ),
  platform(
    'load-native-code',
    'Addons, extensions of sqlite, ffi, engines of openssl',
    'loads native code',
    (module, { folder }, process) =>
      [
        () => process.dlopen({ exports: {} }, `${folder}/none.node`),
        () => new (module('node:sqlite').DatabaseSync)(':memory:', { allowExtension: true }),
        () => module('node:ffi').dlopen(null),
        () => module('node:crypto').setEngine('/nowhere.so') ?? true,
        () => process._linkedBinding('none'),
      ]
        .map((act) => attempted(act))
        .find((done) => done !== undefined),
  ),
  platform(
    'load-a-system-module',
    'WASI with the root opened',
    'reads a file',
    (module) => new (module('node:wasi').WASI)({ version: 'preview1', preopens: { '/': '/' } }),
  ),
  platform('internal-bindings', 'process.binding and internalBinding', 'reaches bindings', (module, _world, process) =>
    [
      () => process.binding('fs'),
      () => process.binding('spawn_sync'),
      () => realm.internalBinding('fs'),
      () => module('internal/bootstrap/realm'),
    ]
      .map((act) => attempted(act))
      .find((done) => done !== undefined),
  ),
  platform(
    'open-the-inspector',
    'A port of the inspector, a session of its own',
    'opens the inspector',
    (module, _world, process) => {
      const inspector = module('node:inspector');
      attempted(() => process._debugProcess(process.pid));
      attempted(() => inspector.open(0, '127.0.0.1'));
      return inspector.url() ?? attempted(() => new inspector.Session().connect() ?? true);
    },
  ),
  platform(
    'signal-the-host',
    'kill, _kill, _debugProcess, a handle of a process that was never started',
    'signals its process group',
    (module, { hostPid }, process) =>
      [
        () => process.kill(hostPid, 0),
        () => process.kill(0, 0),
        () => process._kill(hostPid, 0),
        () => process._debugProcess(hostPid),
        // Some of these have a zero where a process should be.
        () => {
          attempted(() => module('node:child_process').spawnSync('/bin/true'));
          return Array.from(
            { length: 300 },
            () => new (module('node:child_process').ChildProcess)()._handle.kill(0) === 0 || undefined,
          ).find((done) => done !== undefined);
        },
        () => new (module('node:child_process').ChildProcess)().kill(0) || undefined,
      ]
        .map((act) => attempted(act))
        .find((done) => done !== undefined),
  ),
  platform('slow-the-host', 'Its priority', 'changes the host’s priority', (module, { hostPid }) => {
    module('node:os').setPriority(hostPid, 1);
    return true;
  }),
  platform(
    'ask-the-system',
    'Names of machine and user, its addresses, its certificates',
    'learns facts of the machine',
    (module) =>
      [
        () => module('node:os').hostname(),
        () => module('node:os').userInfo().username,
        () => module('node:tls').getCACertificates('system').length,
      ]
        .map((act) => attempted(act))
        .find((done) => done !== undefined),
  ),
  platform(
    'set-flags-of-the-engine',
    'v8.setFlagsFromString, and natives with it',
    'changes the engine’s flags',
    (module) => {
      module('node:v8').setFlagsFromString('--allow-natives-syntax');
      return module('node:vm').runInThisContext('%HasFastProperties({})') === true;
    },
  ),
  platform('compile-a-string', 'node:vm, where Function may not', 'compiles strings', (module) =>
    module('node:vm').runInThisContext('1'),
  ),
  platform(
    'leave-something-behind',
    'A timer, an interval, a handler for the end',
    'runs on after its answer',
    (module, { folder }, process) => {
      const act = (): void => {
        attempted(() => module('node:fs').writeFileSync(`${folder}/later`, 'x'));
      };
      attempted(() => realm.setTimeout(act, 0));
      attempted(() => process.on('exit', act));
      attempted(() => process.on('uncaughtException', act));
      return false;
    },
  ),
];
