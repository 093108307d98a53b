export { VerifierServiceError } from './errors.ts';
export { startVerifierService, type VerifierService } from './service.ts';
export type { RequestRecord, VerifierServiceOptions } from './service-options.ts';
