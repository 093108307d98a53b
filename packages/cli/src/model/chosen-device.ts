import { chooseDevice, type Device, deviceLines } from '@evenkeel/policy';
import type { Flag } from '../command.ts';

export const deviceFlag: Flag = {
  type: 'string',
  value: 'NAME',
  help: 'what the policy computes on: cpu (default), webgpu, cuda, or auto: the first of cuda, webgpu and cpu that is there',
};

/**
 * The device that is asked for, tried before anything is begun. Says what is computed where, unless it is the CPU that was named.
 *
 * @throws {PolicyError} `device-missing` where it is not there, `device-unsupported`
 */
export async function chosenDevice(wish: string, note: (line: string) => void): Promise<Device> {
  const { device, note: how } = await chooseDevice(wish);
  if (how !== null) note(how);
  if (device !== 'cpu') for (const line of deviceLines(device)) note(line);
  return device;
}
