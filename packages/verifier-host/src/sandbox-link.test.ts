/** What the process keeps from code that got out of vm2: the same start, with a program of the attacker's in place of ours. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { SandboxLink } from './sandbox-link.ts';

const links: SandboxLink[] = [];
afterEach(async () => {
  for (const link of links.splice(0)) await link.close();
});

/** Reads the load order, then does what the code says; `reply(value)` is the manifest's frame. */
function startProgram(code: string): SandboxLink {
  const program = `
    const fs = require('fs');
    const frame = () => {
      const head = Buffer.alloc(4); fs.readSync(0, head);
      const body = Buffer.alloc(head.readUInt32LE(0)); for (let at = 0; at < body.length; ) at += fs.readSync(0, body, at, body.length - at);
      return body.toString();
    };
    const write = (text) => { const head = Buffer.alloc(4); head.writeUInt32LE(Buffer.byteLength(text)); fs.writeSync(1, Buffer.concat([head, Buffer.from(text)])); };
    const { nonce } = JSON.parse(frame());
    const reply = (value) => write(nonce + '{"rssBytes":50000000}\\n=' + JSON.stringify(value));
    ${code}`;
  const link = new SandboxLink({ program, script: '', timeMs: 100, memoryMb: 32, stallMs: 2000 });
  links.push(link);
  return link;
}

describe('SandboxLink', () => {
  test('a process without vm2 still reads no file, opens no socket, starts nothing, sees no environment', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'evenkeel-link-'));
    writeFileSync(join(folder, 'secret'), 'secret');
    let connections = 0;
    const server = createServer((socket) => {
      connections++;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const link = startProgram(`
      const attempts = {
        read: () => fs.readFileSync(${JSON.stringify(join(folder, 'secret'))}, 'utf8'),
        list: () => fs.readdirSync('/'),
        write: () => fs.writeFileSync(${JSON.stringify(join(folder, 'written'))}, ''),
        spawn: () => require('child_process').spawnSync('/bin/true').error?.code ?? 'ran',
        exec: () => require('child_process').execSync('true'),
        thread: () => new (require('worker_threads').Worker)('1', { eval: true }),
        addon: () => process.dlopen({ exports: {} }, '/nowhere.node'),
        inspector: () => require('inspector').open(0),
        wasi: () => new (require('wasi').WASI)({ version: 'preview1' }),
        evaluated: () => eval('1'),
        kill: () => process.kill(process.ppid, 0),
        debug: () => process._debugProcess(process.ppid),
        priority: () => require('os').setPriority(process.ppid, 19),
        binding: () => process.binding('fs'),
      };
      const seen = {};
      for (const [name, attempt] of Object.entries(attempts)) {
        try { seen[name] = String(attempt()); } catch (error) { seen[name] = error.code ?? error.name; }
      }
      seen.environment = Object.keys(process.env).length;
      seen.execArguments = process.execArgv.filter((argument) => argument.startsWith('--allow')).length;
      const connect = new Promise((resolve) => {
        try { require('net').connect(${port}, '127.0.0.1').on('error', ({ code }) => resolve(code)); } catch ({ code }) { resolve(code); }
      });
      const listen = new Promise((resolve) => {
        try { require('net').createServer().on('error', ({ code }) => resolve(code)).listen(0, () => resolve('listening')); } catch ({ code }) { resolve(code); }
      });
      const udp = new Promise((resolve) => {
        try { require('dgram').createSocket('udp4').on('error', ({ code }) => resolve(code)).bind(0, () => resolve('bound')); } catch ({ code }) { resolve(code); }
      });
      const local = new Promise((resolve) => {
        try { require('net').connect('/tmp/socket').on('error', ({ code }) => resolve(code)); } catch ({ code }) { resolve(code); }
      });
      const name = new Promise((resolve) => {
        try { require('dns').lookup('localhost', (error) => resolve(error?.code ?? 'resolved')); } catch ({ code }) { resolve(code); }
      });
      const fetched = fetch('http://127.0.0.1:${port}/').then(() => 'fetched', (error) => error.cause?.code ?? error.message);
      (async () => reply({ ...seen, connect: await connect, listen: await listen, udp: await udp, local: await local, dns: await name, fetch: await fetched }))();
    `);
    expect(await link.ready).toBeNull();
    const seen = JSON.parse(link.manifestLine.slice(1));

    rmSync(folder, { recursive: true });
    server.close();
    expect(connections).toBe(0);
    expect(seen).toMatchObject({
      read: 'ERR_ACCESS_DENIED',
      list: 'ERR_ACCESS_DENIED',
      write: 'ERR_ACCESS_DENIED',
      exec: 'ERR_ACCESS_DENIED',
      spawn: 'ERR_ACCESS_DENIED',
      thread: 'ERR_ACCESS_DENIED',
      addon: 'ERR_DLOPEN_DISABLED',
      inspector: 'ERR_ACCESS_DENIED',
      wasi: 'ERR_ACCESS_DENIED',
      evaluated: 'EvalError',
      environment: 0,
      execArguments: 0,
      connect: 'ERR_ACCESS_DENIED',
      listen: 'ERR_ACCESS_DENIED',
      fetch: 'ERR_ACCESS_DENIED',
      udp: 'ERR_ACCESS_DENIED',
      local: 'ERR_ACCESS_DENIED',
      dns: 'ERR_ACCESS_DENIED',
      binding: 'ERR_ACCESS_DENIED',
      kill: 'TypeError',
      debug: 'TypeError',
      priority: 'TypeError',
    });
  });

  test.each([
    ['a frame without the nonce', `write('{"id":0,"from":0,"count":1}\\n={"kind":"abstained","reason":"forged"}');`],
    ['a frame that was not asked for', `write(nonce + '{"id":7,"from":0,"count":1}\\n=1');`],
    ['more answers than items', `write(nonce + '{"id":0,"from":0,"count":2}\\n=1\\n=2');`],
    ['another number of lines than said', `write(nonce + '{"id":0,"from":0,"count":1}\\n=1\\n=2');`],
    ['a length beyond all frames', `fs.writeSync(1, Buffer.alloc(64, 255));`],
    ['an answer longer than asked for', `write(nonce + '{"id":0,"from":0,"count":1}\\n=' + '1'.repeat(5000));`],
    ['text where a frame should be', `fs.writeSync(1, 'x'.repeat(100));`],
  ])('%s ends the process, with the contract broken', async (_name, code) => {
    const link = startProgram(`reply(null); frame(); ${code} for (;;) frame();`);
    expect(await link.ready).toBeNull();
    const outcome = await link.run('score', ['1'], { maxChars: 100 });
    expect(outcome).toMatchObject({ answers: [], death: { code: 'contract' } });
  });

  test('a flood on both outputs fills nothing and ends', async () => {
    const link = startProgram(`reply(null); frame();
      const flood = Buffer.alloc(1_000_000, 'Error flood\\n');
      try { for (;;) { fs.writeSync(2, flood); fs.writeSync(1, flood); } } catch {}`);
    expect(await link.ready).toBeNull();
    const outcome = await link.run('score', ['1'], { maxChars: 100 });
    expect(outcome.death?.code).toBe('contract');
  });

  test('a flood on the error output alone ends', async () => {
    const link = startProgram(`reply(null); frame();
      const flood = Buffer.alloc(100_000, 'nothing to say ');
      try { for (;;) fs.writeSync(2, flood); } catch {}`);
    expect(await link.ready).toBeNull();
    const outcome = await link.run('score', ['1'], { maxChars: 100 });
    expect(outcome.death).toMatchObject({ code: 'contract', message: 'the sandbox floods its error output' });
  });

  test('single bytes of an answer are no sign of life', async () => {
    const link = startProgram(`reply(null); frame();
      fs.writeSync(1, Buffer.from([255, 0, 0, 0]));
      for (;;) { fs.writeSync(1, 'x'); for (const end = Date.now() + 60; Date.now() < end; ); }`);
    expect(await link.ready).toBeNull();
    const outcome = await link.run('score', ['1'], { maxChars: 100 });
    expect(outcome.death?.code).toBe('timeout');
  });

  test.skipIf(process.platform !== 'linux')('a process that computes while nothing is asked is ended', async () => {
    const link = startProgram(`reply(null); for (;;);`);
    expect(await link.ready).toBeNull();
    await link.gone;
    const outcome = await link.run('score', ['1'], { maxChars: 100 });
    expect(outcome.death).toMatchObject({ code: 'contract', message: expect.stringContaining('nothing is asked') });
  });

  test.skipIf(process.platform !== 'linux')('a signal to its group does not reach the host', async () => {
    // Handles of processes that were never started have no process to signal: some signal the group, without any permission.
    const link = startProgram(`
      const { ChildProcess } = require('child_process');
      try { require('child_process').spawnSync('/bin/true'); } catch {}
      reply(null); frame();
      for (let at = 0; at < 10_000; at++) new ChildProcess()._handle.kill(15);`);
    expect(await link.ready).toBeNull();
    const group = readFileSync(`/proc/${link.pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')[2];
    expect(group).toBe(`${link.pid}`);
    const outcome = await link.run('score', ['1'], { maxChars: 100 });
    expect(outcome.death?.code).toBe('crash');
  });

  test('what a process says of its end is told without control characters', async () => {
    const link = startProgram(
      `reply(null); frame(); fs.writeSync(2, 'Error: \\u001b[2J\\rforged line'); process.exit(1);`,
    );
    expect(await link.ready).toBeNull();
    const outcome = await link.run('score', ['1'], { maxChars: 100 });
    expect(outcome.death?.message).toBe('the process ended with exit code 1: Error:  [2J forged line');
  });

  test('an exit in the middle is a crash that keeps what was answered', async () => {
    const link = startProgram(
      `reply(null); frame(); write(nonce + '{"id":0,"from":0,"count":1}\\n=1'); process.exit(3);`,
    );
    expect(await link.ready).toBeNull();
    const outcome = await link.run('score', ['1', '2'], { maxChars: 100 });
    expect(outcome).toEqual({
      answers: ['=1'],
      death: { code: 'crash', message: 'the process ended with exit code 3', found: false },
    });
  });

  test('a program that never gets ready is killed', async () => {
    expect(await startProgram('for (;;);').ready).toMatchObject({ code: 'timeout' });
  });
});
