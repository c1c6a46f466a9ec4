/**
 * Places in the kernel's code that a step may name -> the addresses of their first instructions:
 *
 *   function             its first instruction, and that of each copy that was inlined somewhere
 *   function+0x10        the instruction there (as a report prints it); out of line only
 *   file.ts:LINE         the first instruction of each stretch of code that the line became, inlined copies included
 *   point:NAME           each mark POINT; only those that name NAME count when one is reached (`point`)
 *
 * A file may be named by the end of its path. Functions of one name in several files are all meant.
 */
import { failure, type Problem, type Result, success } from "../../base/result.ts";
import type { ImageFile } from "../image/elf.ts";
import type { HartlabSection, LineRow } from "../../base/hartlab-section.ts";
import { nearest } from "../scenario/suggest.ts";

export interface StepPlace {
  /** Ascending. */
  readonly addresses: readonly number[];
  /** For point:NAME: the name, and by address the register that holds it. */
  readonly point: { readonly name: string; readonly registers: ReadonlyMap<number, number> } | null;
}

const FIRMWARE = "firmware/";
const LINES_NAMED = 4;
/** slti x0, rs1, event: the second half of a mark (docs/abi.md). */
const SLTI_ZERO_MASK = 0x7fff;
const SLTI_ZERO = 0x2013;

export class Places {
  readonly #image: ImageFile;
  readonly #section: HartlabSection;
  /** Rows of the kernel, ascending. */
  readonly #rows: readonly LineRow[];

  constructor(image: ImageFile) {
    this.#image = image;
    this.#section = image.section;
    const { files, lines } = image.section;
    this.#rows = lines.filter((row) => !files[row[1]].startsWith(FIRMWARE));
  }

  find(text: string): Result<StepPlace> {
    const point = /^point:(.+)$/.exec(text);
    if (point) return this.#point(point[1]);
    const line = /^(.+):(\d+)$/.exec(text);
    if (line) return this.#line(line[1], Number(line[2]));
    const offset = /^(\w+)\+(0x[\da-f]+|\d+)$/i.exec(text);
    if (offset) return this.#offset(offset[1], Number(offset[2]), text);
    return this.#function(text);
  }

  #functions(): HartlabSection["functions"] {
    const { files, functions } = this.#section;
    return functions.filter((one) => !files[one.file].startsWith(FIRMWARE));
  }

  #function(name: string): Result<StepPlace> {
    const own = this.#functions().filter((one) => one.name === name).map((one) => one.address);
    const inlined = this.#starts((row) => {
      const depth = row[3].findIndex(([callee]) => callee === name);
      return depth < 0 ? null : JSON.stringify(row[3].slice(depth));
    });
    const addresses = [...new Set([...own, ...inlined])].sort((a, b) => a - b);
    return addresses.length > 0 ? success({ addresses, point: null }) : failure(this.#unknownFunction(name));
  }

  #unknownFunction(name: string): Problem {
    const names = new Set(this.#functions().map((one) => one.name));
    for (const row of this.#rows) for (const [callee] of row[3]) names.add(callee);
    const guess = nearest(name, [...names].sort());
    const hint = "A function that nobody calls is not in the image; file.ts:LINE names a place by its source.";
    return { message: `the kernel has no function \`${name}\``, hint: guess ? `Did you mean \`${guess}\`?` : hint };
  }

  #offset(name: string, offset: number, text: string): Result<StepPlace> {
    const owner = this.#functions().find((one) => one.name === name);
    if (owner === undefined) {
      if (!this.#function(name).ok) return failure(this.#unknownFunction(name));
      const hint = "Name the function alone, or file.ts:LINE.";
      return failure({ message: `\`${text}\`: ${name} was inlined wherever it is called, so it has no offsets`, hint });
    }
    const starts = this.#instructions(owner.address, owner.size);
    if (starts.includes(owner.address + offset)) return success({ addresses: [owner.address + offset], point: null });
    const last = (starts[starts.length - 1] - owner.address).toString(16);
    const hint = offset < owner.size ? "Offsets are those of a disassembly." : `Its last instruction is at +0x${last}.`;
    return failure({ message: `no instruction begins at ${text}`, hint });
  }

  #line(file: string, line: number): Result<StepPlace> {
    const { files } = this.#section;
    const indices = new Set<number>();
    files.forEach((one, index) => {
      if (!one.startsWith(FIRMWARE) && (one === file || one.endsWith(`/${file}`))) indices.add(index);
    });
    if (indices.size === 0) {
      const named = files.filter((one) => !one.startsWith(FIRMWARE)).map((one) => one.slice(-file.length));
      const guess = nearest(file, named);
      const hint = guess ? `Did you mean \`${guess}\`?` : "Name it by the end of its path, such as cpu/hotplug.ts.";
      return failure({ message: `the kernel has no code of a file \`${file}\``, hint });
    }
    const addresses = this.#starts((row) => {
      if (indices.has(row[1]) && row[2] === line) return JSON.stringify(row[3]);
      const depth = row[3].findIndex(([, callFile, callLine]) => indices.has(callFile) && callLine === line);
      return depth < 0 ? null : JSON.stringify(row[3].slice(depth));
    });
    if (addresses.length > 0) return success({ addresses, point: null });
    return failure({ message: `no instruction comes from ${file}:${line}`, hint: this.#linesNear(indices, line) });
  }

  #linesNear(indices: ReadonlySet<number>, line: number): string {
    const lines = new Set<number>();
    for (const row of this.#rows) {
      if (indices.has(row[1])) lines.add(row[2]);
      for (const [, file, at] of row[3]) if (indices.has(file)) lines.add(at);
    }
    const near = [...lines].sort((a, b) => Math.abs(a - line) - Math.abs(b - line)).slice(0, LINES_NAMED);
    return `Lines near it that have some: ${near.sort((a, b) => a - b).join(", ")}.`;
  }

  #point(name: string): Result<StepPlace> {
    const event = this.#section.enums.MARK?.POINT;
    const registers = new Map<number, number>();
    for (const one of event === undefined ? [] : this.#functions()) {
      for (const address of this.#instructions(one.address, one.size)) {
        const word = this.#image.codeWord(address);
        if (word === null || (word & SLTI_ZERO_MASK) !== SLTI_ZERO || word >>> 20 !== event) continue;
        registers.set(address, (word >>> 15) & 31);
      }
    }
    const hint = "`point(\"NAME\")` of kernel/lib/point.ts makes one; a kernel built with marks=false has none.";
    if (registers.size === 0 || !this.#image.hasConstantString(name)) return failure({ message: `the kernel has no point \`${name}\``, hint });
    return success({ addresses: [...registers.keys()].sort((a, b) => a - b), point: { name, registers } });
  }

  /** Addresses of the instructions of a function. */
  #instructions(start: number, size: number): number[] {
    const starts: number[] = [];
    for (let at = start; at < start + size; ) {
      starts.push(at);
      at += ((this.#image.codeWord(at) ?? 0) & 3) === 3 ? 4 : 2;
    }
    return starts;
  }

  /** The first row of each stretch in which `keyOf` gives the same key. */
  #starts(keyOf: (row: LineRow) => string | null): number[] {
    const starts: number[] = [];
    let before: string | null = null;
    for (const row of this.#rows) {
      const key = keyOf(row);
      if (key !== null && key !== before) starts.push(row[0]);
      before = key;
    }
    return starts;
  }
}
