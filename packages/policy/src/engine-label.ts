import type { Device } from './device.ts';
import { engineIdentity } from './engine-identity.ts';

/** What a worker says of its engine: another label may mean other bits. `numbers 1, onnxruntime 1.30.0, node 26, linux-x64, avx512f`. */
export function engineLabel(device: Device = 'cpu'): string {
  const { revision, onnxruntime, platform, instructions } = engineIdentity();
  const node = process.versions.node.split('.', 1)[0];
  const label = `numbers ${revision}, onnxruntime ${onnxruntime}, node ${node}, ${platform}, ${instructions}`;
  return device === 'cpu' ? label : `${label}, ${device}`;
}
