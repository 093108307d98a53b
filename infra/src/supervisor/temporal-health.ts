/**
 * Whether the Temporal server answers: gRPC's own health check, over one connection that stays open. An accepted connection proves
 * nothing: the kernel accepts for a stopped process too.
 */
import { type ClientHttp2Session, connect } from 'node:http2';

export interface TemporalHealth {
  /** Asks; `onAnswer` is called where it answers that it serves. One question is under way at a time. */
  ask(onAnswer: () => void): void;
  close(): void;
}

const SERVICE = 'temporal.api.workflowservice.v1.WorkflowService';
const SERVING = 1;

/** `HealthCheckRequest { service = 1 }` in gRPC's framing: not compressed, length, message. */
const request = (() => {
  const message = Buffer.from([0x0a, SERVICE.length, ...Buffer.from(SERVICE)]);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
})();

/** @param address of the gRPC frontend, as `host:port` */
export function temporalHealth(address: string): TemporalHealth {
  let session: ClientHttp2Session | null = null;
  let isAsked = false;

  function connected(): ClientHttp2Session {
    if (session !== null && !session.closed && !session.destroyed) return session;
    const made = connect(`http://${address}`);
    // What fails is asked again at the next look.
    made.on('error', () => {});
    made.on('close', () => {
      isAsked = false;
      if (session === made) session = null;
    });
    made.unref();
    session = made;
    return made;
  }

  return {
    ask(onAnswer) {
      if (isAsked) return;
      isAsked = true;
      const stream = connected().request({
        ':method': 'POST',
        ':path': '/grpc.health.v1.Health/Check',
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', () => {});
      stream.on('close', () => {
        isAsked = false;
        // `HealthCheckResponse { status = 1 }` behind the five bytes of framing.
        const [tag, status] = Buffer.concat(chunks).subarray(5);
        if (tag === 0x08 && status === SERVING) onAnswer();
      });
      stream.end(request);
    },
    close: () => session?.destroy(),
  };
}
