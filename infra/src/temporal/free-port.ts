import { createServer } from 'node:net';

/** Whether nobody listens at the port of the loopback address. */
export async function isPortFree(port: number): Promise<boolean> {
  return (await boundPort(port)) === port;
}

/** The first wanted port that is free, or any that is. */
export async function freePort(wanted: readonly number[]): Promise<number> {
  for (const port of wanted) {
    if (await isPortFree(port)) return port;
  }
  const any = await boundPort(0);
  if (any === null) throw new Error('Cannot find a free port: the loopback address refuses every one');
  return any;
}

function boundPort(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : null));
    });
  });
}
