/**
 * A WebAssembly module under construction: one imported memory, at most one imported table of functions, imported and own
 * functions, globals.
 *
 * Declare first, define later: a function may call one that is defined after it. Imports must all be declared before
 * the first own function, because they come first in the index space.
 */
import { CodeWriter, I32, writeSigned, writeUnsigned } from "./code.ts";
import type { Callee, Global, Local, Node, ValueType } from "./code.ts";

interface Signature {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

interface OwnFunction extends Callee {
  readonly name: string;
  readonly type: number;
  readonly params: number;
  readonly locals: ValueType[];
  body: Uint8Array | null;
}

/** What a body may ask for while it is built. */
export interface FunctionScope {
  readonly params: readonly Local[];
  local(type: ValueType): Local;
}

export class ModuleBuilder {
  readonly #types: string[] = [];
  readonly #typeBytes: number[][] = [];
  readonly #imports: { readonly module: string; readonly name: string; readonly type: number }[] = [];
  readonly #functions: OwnFunction[] = [];
  readonly #globals: { readonly type: ValueType; readonly initial: number }[] = [];
  readonly #exports: { readonly name: string; readonly index: number }[] = [];
  readonly #memory: { readonly module: string; readonly name: string; readonly pages: number };
  #table: { readonly module: string; readonly name: string; readonly entries: number } | null = null;

  constructor(memory: { readonly module: string; readonly name: string; readonly pages: number }) {
    this.#memory = memory;
  }

  #type(signature: Signature): number {
    const key = `${signature.params.join()}:${signature.results.join()}`;
    const known = this.#types.indexOf(key);
    if (known >= 0) return known;
    const bytes = [0x60, signature.params.length, ...signature.params];
    bytes.push(signature.results.length, ...signature.results);
    this.#types.push(key);
    this.#typeBytes.push(bytes);
    return this.#types.length - 1;
  }

  /** Number of a function type, for calls through the table. */
  typeOf(params: readonly ValueType[], results: readonly ValueType[]): number {
    return this.#type({ params, results });
  }

  /** The table that `callIndirect` goes through: that many entries, never growing. */
  importTable(module: string, name: string, entries: number): void {
    this.#table = { module, name, entries };
  }

  importFunction(module: string, name: string, params: readonly ValueType[], results: readonly ValueType[]): Callee {
    if (this.#functions.length > 0) throw new Error("wasm: imports come before functions");
    this.#imports.push({ module, name, type: this.#type({ params, results }) });
    return { index: this.#imports.length - 1 };
  }

  /** Announces a function; `define` gives its body. */
  declare(name: string, params: readonly ValueType[], results: readonly ValueType[], exported = false): Callee {
    const made: OwnFunction = {
      index: this.#imports.length + this.#functions.length,
      name,
      type: this.#type({ params, results }),
      params: params.length,
      locals: [...params],
      body: null,
    };
    this.#functions.push(made);
    if (exported) this.#exports.push({ name, index: made.index });
    return made;
  }

  define(callee: Callee, build: (scope: FunctionScope) => readonly Node[]): void {
    const own = this.#functions[callee.index - this.#imports.length]!;
    const types = own.locals;
    const params = types.slice(0, own.params).map((type, index) => ({ type, index }));
    const nodes = build({
      params,
      local: (type) => {
        types.push(type);
        return { type, index: types.length - 1 };
      },
    });
    const out = new CodeWriter();
    for (const node of nodes) node(out);
    const head: number[] = [];
    const locals = types.slice(own.params);
    writeUnsigned(head, locals.length);
    for (const type of locals) head.push(1, type);
    own.body = Uint8Array.from([...head, ...out.bytes, 0x0b]);
  }

  global(type: ValueType, initial = 0): Global {
    this.#globals.push({ type, initial });
    return { type, index: this.#globals.length - 1 };
  }

  build(): Uint8Array<ArrayBuffer> {
    const parts: Uint8Array[] = [Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)];
    const section = (id: number, items: readonly (readonly number[] | Uint8Array)[]): void => {
      const count: number[] = [];
      writeUnsigned(count, items.length);
      const size: number[] = [];
      writeUnsigned(size, count.length + items.reduce((sum, item) => sum + item.length, 0));
      parts.push(Uint8Array.from([id, ...size, ...count]), ...items.map((item) => Uint8Array.from(item)));
    };
    section(1, this.#typeBytes);
    section(2, [this.#memoryImport(), ...this.#tableImport(), ...this.#imports.map((item) => [...text(item.module), ...text(item.name), 0, ...unsigned(item.type)])]);
    section(3, this.#functions.map((item) => unsigned(item.type)));
    section(6, this.#globals.map((item) => globalBytes(item.type, item.initial)));
    section(7, this.#exports.map((item) => [...text(item.name), 0, ...unsigned(item.index)]));
    section(10, this.#functions.map((item) => {
      if (!item.body) throw new Error(`wasm: ${item.name} is declared but not defined`);
      return Uint8Array.from([...unsigned(item.body.length), ...item.body]);
    }));
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  #memoryImport(): number[] {
    const { module, name, pages } = this.#memory;
    return [...text(module), ...text(name), 2, 1, ...unsigned(pages), ...unsigned(pages)];
  }

  #tableImport(): number[][] {
    if (!this.#table) return [];
    const { module, name, entries } = this.#table;
    return [[...text(module), ...text(name), 1, 0x70, 1, ...unsigned(entries), ...unsigned(entries)]];
  }
}

function unsigned(value: number): number[] {
  const bytes: number[] = [];
  writeUnsigned(bytes, value);
  return bytes;
}

function text(value: string): number[] {
  return [value.length, ...[...value].map((char) => char.charCodeAt(0))];
}

function globalBytes(type: ValueType, initial: number): number[] {
  const bytes: number[] = [type, 1, type === I32 ? 0x41 : 0x42];
  writeSigned(bytes, initial);
  bytes.push(0x0b);
  return bytes;
}
