/**
 * The supervisor of a home under fire, as a process of its own, so that it can be killed too: what `evenkeel train` starts, with two
 * rollout workers, and with a proxy before each process that others reach. Started by `run-under-fire.ts`, to which it tells what
 * happens over its channel.
 *
 *     node supervise.ts HOME '{"temporal":PORT,…}'
 */
import { fileURLToPath } from 'node:url';
import { type ProcessSpec, startSupervisor } from '@evenkeel/infra';
import { z } from 'zod';

const [home = '', proxyText = '{}'] = process.argv.slice(2);
const proxies = z.record(z.string(), z.number().int()).parse(JSON.parse(proxyText));
const main = fileURLToPath(import.meta.resolve('../../../packages/cli/src/main.ts'));

function worker(name: string, role: ProcessSpec['role'], ...args: string[]): ProcessSpec {
  const options = role === 'workflow' ? [] : ['--name', name, ...args];
  return {
    name,
    role,
    command: process.execPath,
    args: ['--no-warnings', main, 'worker', role, '--home', home, ...options],
  };
}

function tell(message: unknown): void {
  if (process.connected) process.send?.(message);
}

const supervisor = await startSupervisor({
  home,
  processes: [
    worker('rollout-0', 'rollout', '--threads', '1'),
    worker('rollout-1', 'rollout', '--threads', '1'),
    worker('trainer', 'trainer', '--threads', '1'),
    worker('verifier', 'verifier'),
    worker('workflow', 'workflow'),
  ],
  log: {
    debug() {},
    info() {},
    warn: (message) => tell({ kind: 'log', message }),
    error: (message) => tell({ kind: 'log', message }),
  },
  onEvent: (event) => tell({ kind: 'event', event }),
  advertise(name, address) {
    const port = proxies[name];
    if (port === undefined) return address;
    const { hostname, port: real } = new URL(address.includes('://') ? address : `tcp://${address}`);
    tell({ kind: 'target', name, host: hostname, port: Number(real) });
    return address.replace(`${hostname}:${real}`, `127.0.0.1:${port}`);
  },
});
tell({ kind: 'ready' });
process.on('SIGTERM', () => void supervisor.stop().then(() => process.exit(0)));
process.on('disconnect', () => void supervisor.stop().then(() => process.exit(0)));
