export type { AdamWOptions, AdamWState, AdamWStep, DecayRange } from './adamw.ts';
export { adamwStep, createAdamWState, decayRanges, gradientNorm } from './adamw.ts';
export { adamwStateFromBytes, adamwStateParts, readAdamWState } from './adamw-bytes.ts';
export type { ChatMessage, ChatTemplate } from './chat-template.ts';
export { CHATML_TEMPLATE, renderChat, userTurn } from './chat-template.ts';
export { chatTemplateOf } from './chat-template-files.ts';
export type { ChosenDevice, DeviceProbe } from './choose-device.ts';
export { chooseDevice, deviceWishes, probeDevice } from './choose-device.ts';
export type { ModelTokens } from './config-json.ts';
export { readConfigJson } from './config-json.ts';
export type { Device, DeviceCapabilities } from './device.ts';
export { deviceCapabilities, deviceLines, devices, expectDevice } from './device.ts';
export { DECODE_BATCH, TOKENS_PER_RUN } from './engine-defaults.ts';
export type { EngineIdentity } from './engine-identity.ts';
export { engineIdentity, engineRevision } from './engine-identity.ts';
export { engineLabel } from './engine-label.ts';
export { EnginePool } from './engine-pool.ts';
export { PolicyError } from './errors.ts';
export type { Completion, GenerateOptions, GenerateProgress } from './generate.ts';
export type { InitOptions } from './init.ts';
export { initialiseParameters } from './init.ts';
export type { Lora, LoraAdapter } from './lora.ts';
export { initialiseLora, loraTargets, mergeLora } from './lora.ts';
export type { MemoryEstimate, MemoryPart, MemoryPartName, MemoryRole, PolicyWork } from './memory-estimate.ts';
export { estimateMemory } from './memory-estimate.ts';
export type { ModelConfig, ModelFamily, ParameterShape } from './model-config.ts';
export { checkModelConfig, modelFamilies, parameterCount, parameterShapes, tinyModelConfig } from './model-config.ts';
export type { ModelContent, ModelDirectory, ModelFiles } from './model-directory.ts';
export {
  loadModelDirectory,
  newModelFiles,
  readModelFiles,
  saveModelDirectory,
} from './model-directory.ts';
export type { TrainingObjective } from './objective-graph.ts';
export type { Parameters } from './parameter-buffer.ts';
export { ParameterBuffer } from './parameter-buffer.ts';
export { PEFT_WEIGHTS_FILE, peftContent } from './peft-adapter.ts';
export type { Architecture, ArtefactAccess, LoadedAdapter, LoadedPolicy } from './policy-artefact.ts';
export {
  exportModel,
  importModel,
  loadAdapter,
  loadArchitecture,
  loadPolicy,
  namedByPolicy,
  putAdapter,
  putPolicy,
} from './policy-artefact.ts';
export type { LossAndGradient, PolicyEngineOptions } from './policy-engine.ts';
export { PolicyEngine } from './policy-engine.ts';
export { policyHash } from './policy-hash.ts';
export type { RecentlyUsedOptions } from './recently-used.ts';
export { RecentlyUsed } from './recently-used.ts';
export type { ResidentStep, ResidentTrainingOptions } from './resident-training.ts';
export { ResidentTraining } from './resident-training.ts';
export type { NamedTensor, SafetensorsFile, TensorEntry, TensorShape, WeightType } from './safetensors.ts';
export { openSafetensors, WEIGHT_TYPES, writeSafetensors } from './safetensors.ts';
export { buildTinyTokenizer } from './tiny-tokenizer.ts';
export type { Tokenizer } from './tokenizer.ts';
export { tokenizerFromJson } from './tokenizer.ts';
export type { TokenizerJson } from './tokenizer-json.ts';
export type { ScoredSequence, TrainingBatch, TrainingSequence } from './training-inputs.ts';
