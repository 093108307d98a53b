export { VerifierServiceError } from './errors.ts';
export {
  type RequestRecord,
  startVerifierService,
  type VerifierService,
  type VerifierServiceOptions,
} from './service.ts';
