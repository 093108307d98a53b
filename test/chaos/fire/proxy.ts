/**
 * A TCP proxy whose connections can be cut or stalled: between two processes of a home, it stands for the network. It knows no
 * protocol. Its own address stays, wherever the process behind it has gone.
 */
import { createServer, connect as dial, type Server, type Socket } from 'node:net';

export interface FaultyProxy {
  readonly port: number;
  /** Where new connections go. */
  target(host: string, port: number): void;
  /** How many are open. */
  connections(): number;
  /** Resets every open connection. */
  cut(): void;
  /** Passes nothing on for so long, in either direction; nothing is lost. */
  stall(ms: number): void;
  close(): Promise<void>;
}

/** Listens on a free port of the loopback interface. */
export async function startFaultyProxy(): Promise<FaultyProxy> {
  const open = new Set<Socket>();
  let behind: { readonly host: string; readonly port: number } | null = null;
  let stalledUntil = 0;

  const server: Server = createServer({ allowHalfOpen: true }, (client) => {
    if (behind === null) {
      client.destroy();
      return;
    }
    const worker = dial({ ...behind, allowHalfOpen: true });
    for (const [from, to] of [
      [client, worker],
      [worker, client],
    ] as const) {
      open.add(from);
      from.setNoDelay(true);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
      from.on('end', () => to.end());
      from.on('data', (chunk) => {
        const wait = stalledUntil - performance.now();
        if (wait > 0) {
          from.pause();
          setTimeout(() => {
            to.write(chunk);
            from.resume();
          }, wait);
          return;
        }
        if (!to.write(chunk)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
      });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('Cannot read the proxy’s port');
  return {
    port: address.port,
    target(host, port) {
      behind = { host, port };
    },
    connections: () => open.size / 2,
    cut() {
      for (const socket of open) socket.resetAndDestroy();
    },
    stall(ms) {
      stalledUntil = performance.now() + ms;
    },
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
