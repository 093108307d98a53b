/** Tar archives as nobody honest makes them: any path, any type of entry. */
import { gzipSync } from 'node:zlib';

export interface TarEntry {
  readonly path: string;
  readonly text?: string;
  /** `0` a file (default), `1` a hard link, `2` a symbolic link, `3` a device, `5` a folder, `x` pax headers, `L` a long name. */
  readonly type?: string;
  readonly link?: string;
}

export function tarball(entries: readonly TarEntry[]): Buffer {
  return gzipSync(Buffer.concat([...entries.flatMap(blocksOf), Buffer.alloc(1024)]));
}

/** A pax header that gives the next entry its path. */
export function paxPath(path: string): TarEntry {
  const body = ` path=${path}\n`;
  let length = Buffer.byteLength(body) + 1;
  while (Buffer.byteLength(`${length}${body}`) !== length) length++;
  return { path: 'PaxHeader', type: 'x', text: `${length}${body}` };
}

function blocksOf({ path, text = '', type = '0', link = '' }: TarEntry): Buffer[] {
  const content = Buffer.from(text);
  const header = Buffer.alloc(512);
  header.write(path, 0, 100);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write(type, 156);
  header.write(link, 157, 100);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
}
