import { describe, expect, test } from 'vitest';
import { chooseDevice, type DeviceProbe, readProbe } from './choose-device.ts';
import { type Device, deviceCapabilities, deviceLines, devices } from './device.ts';

const only =
  (...there: Device[]) =>
  async (device: Device): Promise<DeviceProbe> =>
    there.includes(device) ? { there: true, backends: [] } : { there: false, reason: `no ${device} here` };

describe('chooseDevice()', () => {
  test('takes the CPU without trying it, and a device that is named and there', async () => {
    expect(await chooseDevice('cpu', only())).toEqual({ device: 'cpu', note: null });
    expect(await chooseDevice('webgpu', only('webgpu'))).toEqual({ device: 'webgpu', note: null });
  });

  test('for auto takes CUDA before WebGPU before the CPU, and says what it took and why', async () => {
    expect((await chooseDevice('auto', only('webgpu', 'cuda'))).device).toBe('cuda');
    const chosen = await chooseDevice('auto', only('webgpu'));
    expect(chosen).toMatchObject({ device: 'webgpu', note: expect.stringContaining('was not measured') });
    const { device, note } = await chooseDevice('auto', only());
    expect([device, note]).toEqual(['cpu', 'Device auto: cpu (cuda: no cuda here; webgpu: no webgpu here)']);
  });

  test('refuses a device that is not there with what it needs, and a name that is none', async () => {
    await expect(chooseDevice('cuda', only())).rejects.toMatchObject({
      code: 'device-missing',
      message: expect.stringContaining('install.js --onnxruntime-node-install=cuda12'),
    });
    await expect(chooseDevice('tpu', only())).rejects.toMatchObject({ code: 'device-unsupported' });
  });

  test('a probe that died, or said why not, is read as a reason', () => {
    const error = JSON.stringify({ error: 'x.cc:136 Initialize() was false. Failed to get an adapter: none\n' });
    expect(readProbe(error, '')).toEqual({ there: false, reason: 'Failed to get an adapter: none' });
    expect(readProbe('', 'node: symbol lookup error')).toEqual({ there: false, reason: 'node: symbol lookup error' });
    expect(readProbe('', '')).toEqual({ there: false, reason: 'the process that tried it died' });
    expect(readProbe('{"backends":[{"name":"cpu"}]}', '')).toEqual({ there: true, backends: ['cpu'] });
  });

  test('every device says where it runs what, and on what it was tried', () => {
    for (const device of devices) expect(deviceLines(device).join('\n')).toContain(deviceCapabilities[device].tried);
  });
});
