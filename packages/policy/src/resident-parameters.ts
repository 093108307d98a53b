/** A policy's weights in a device's own memory, sent there once for many runs that only read them. */
import { copyGraph, nextName } from './adamw-graph.ts';
import type { Device } from './device.ts';
import { type ModelConfig, parameterShapes } from './model-config.ts';
import type { Parameters } from './parameter-buffer.ts';
import { type DeviceTensor, GraphSession } from './session.ts';

export class ResidentParameters {
  readonly #config: ModelConfig;
  readonly #device: Device;
  #session: Promise<GraphSession> | undefined;
  #tensors: ReadonlyMap<string, DeviceTensor> | undefined;

  constructor(config: ModelConfig, device: Device) {
    this.#config = config;
    this.#device = device;
  }

  /** The weights on the device: those that were there, or these sent there. */
  async from(parameters: Parameters): Promise<ReadonlyMap<string, DeviceTensor>> {
    if (this.#tensors !== undefined) return this.#tensors;
    const shapes = parameterShapes(this.#config);
    const resident = new Set(shapes.map(({ name }) => nextName(name)));
    this.#session ??= GraphSession.create(copyGraph(shapes), { device: this.#device, threads: 1, resident });
    const { tensors } = await (await this.#session).run(parameters);
    this.#tensors = new Map(shapes.map(({ name }) => [name, tensors.get(nextName(name))!]));
    return this.#tensors;
  }

  /** Gives their memory back: the next ones asked for are sent anew. */
  drop(): void {
    for (const tensor of this.#tensors?.values() ?? []) tensor.dispose();
    this.#tensors = undefined;
  }

  async dispose(): Promise<void> {
    this.drop();
    await (await this.#session)?.release();
    this.#session = undefined;
  }
}
