/**
 * What may be on a disk after a power cut, from a record of what was asked of the file system. The model is the least that POSIX gives: what
 * was written to a file may be lost, whole or in part, until that file is synced; that a name was made, moved or taken away may be
 * forgotten, each by itself, until its folder is synced. Real file systems promise more; what holds here, holds there.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import type { Call } from './record-calls.ts';

interface FileNode {
  readonly kind: 'file';
  content: Buffer;
  /** As of its last sync. */
  durable: Buffer;
}
interface FolderNode {
  readonly kind: 'folder';
  readonly entries: Map<string, Node>;
  durable: Map<string, Node>;
  /** Since its last sync. */
  pending: { readonly name: string; readonly node: Node | null }[];
}
type Node = FileNode | FolderNode;

/** What becomes of what was not synced: the fate of one change to a folder, and of the bytes of one file. */
export interface Fate {
  readonly name: string;
  readonly keepsEntry: () => boolean;
  readonly keepsBytes: () => 'none' | 'all' | 'half' | 'zeros';
}

const newFolder = (): FolderNode => ({ kind: 'folder', entries: new Map(), durable: new Map(), pending: [] });

export class DiskModel {
  readonly #root: string;
  readonly #top = newFolder();
  readonly #handles = new Map<number, FileNode>();

  /** @param root a folder that is there, empty and durable, before the first call; other paths are left out */
  constructor(root: string) {
    this.#root = root;
  }

  apply(call: Call): void {
    switch (call.call) {
      case 'open': {
        if (!this.#knows(call.path)) return;
        const found = this.#find(call.path);
        const file: FileNode =
          found?.kind === 'file' ? found : { kind: 'file', content: Buffer.alloc(0), durable: Buffer.alloc(0) };
        if (found === undefined) this.#change(call.path, file);
        if (call.empties) file.content = Buffer.alloc(0);
        this.#handles.set(call.handle, file);
        return;
      }
      case 'write': {
        const file = this.#handles.get(call.handle);
        if (file !== undefined) file.content = Buffer.concat([file.content, Buffer.from(call.base64, 'base64')]);
        return;
      }
      case 'truncate': {
        const file = this.#handles.get(call.handle);
        if (file !== undefined) file.content = file.content.subarray(0, call.length);
        return;
      }
      case 'sync': {
        const node = this.#knows(call.path) || call.path === this.#root ? this.#find(call.path) : undefined;
        if (node?.kind === 'file') node.durable = node.content;
        if (node?.kind === 'folder') Object.assign(node, { durable: new Map(node.entries), pending: [] });
        return;
      }
      case 'mkdir':
        if (this.#knows(call.path)) this.#change(call.path, newFolder());
        return;
      case 'link':
      case 'rename': {
        if (!this.#knows(call.to)) return;
        this.#change(call.to, this.#find(call.from)!);
        if (call.call === 'rename') this.#change(call.from, null);
        return;
      }
      case 'remove':
        if (this.#knows(call.path)) this.#change(call.path, null);
        return;
      case 'answered':
    }
  }

  /** The files that may be found, by path below the root; folders end with a slash. */
  afterCut(fate: Fate): Map<string, Buffer> {
    const files = new Map<string, Buffer>();
    const bytes = new Map<FileNode, Buffer>();
    const walk = (folder: FolderNode, path: string): void => {
      const entries = new Map(folder.durable);
      for (const { name, node } of folder.pending) {
        if (!fate.keepsEntry()) continue;
        if (node === null) entries.delete(name);
        else entries.set(name, node);
      }
      for (const [name, node] of entries) {
        const at = join(path, name);
        if (node.kind === 'folder') {
          files.set(`${at}/`, Buffer.alloc(0));
          walk(node, at);
        } else {
          // Two names of one file hold the same.
          if (!bytes.has(node)) bytes.set(node, bytesAfterCut(node, fate));
          files.set(at, bytes.get(node)!);
        }
      }
    };
    walk(this.#top, '');
    return files;
  }

  #knows(path: string): boolean {
    return path.startsWith(this.#root + sep);
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#top;
    for (const name of path.slice(this.#root.length).split(sep).filter(Boolean)) {
      node = node?.kind === 'folder' ? node.entries.get(name) : undefined;
    }
    return node;
  }

  #change(path: string, node: Node | null): void {
    const folder = this.#find(dirname(path));
    if (folder?.kind !== 'folder') throw new Error(`Cannot follow the calls: ${dirname(path)} is no folder here`);
    const name = basename(path);
    if (node === null) folder.entries.delete(name);
    else folder.entries.set(name, node);
    folder.pending.push({ name, node });
  }
}

function bytesAfterCut({ content, durable }: FileNode, fate: Fate): Buffer {
  if (content === durable) return content;
  switch (fate.keepsBytes()) {
    case 'all':
      return content;
    case 'none':
      return durable;
    case 'half':
      return content.subarray(0, Math.ceil((durable.length + content.length) / 2));
    case 'zeros':
      // The length came to the disk, the bytes did not.
      return Buffer.concat([durable, Buffer.alloc(Math.max(0, content.length - durable.length))]);
  }
}

/** Lays the files out in a folder. */
export function layOut(files: ReadonlyMap<string, Buffer>, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [path, bytes] of files) {
    if (path.endsWith('/')) mkdirSync(join(folder, path), { recursive: true });
    else writeFileSync(join(folder, path), bytes);
  }
}
