/**
 * Everything the compiler can object to, by number, and the collector.
 *
 * `{0}` .. stand for the arguments of `report`. A message says what is wrong with which name; the hint what to write
 * instead. Numbers are never reused. `fail` abandons the smallest piece of source that can be left out (a statement, a
 * field, a declaration) by throwing `STOP`, which never leaves `front/`.
 */
import type TS from "typescript";
import type { Place, Problem } from "../../base/result.ts";
import { assert } from "../../base/assert.ts";

export const DIAGNOSTICS = {
  // the program as a whole
  K001: ["{0}", ""],
  K002: ['there is no module "{0}"', "paths are relative to this file and end in .ts"],
  K003: ['module "{0}" exports no {1}', "{2}"],
  K004: [
    'only `import { name } from "./file.ts"` brings names in',
    'name what you need: `import { a, b } from "{0}"`',
  ],
  K005: [
    "{0} is not allowed at module level",
    "put statements into a function; module level holds declarations only",
  ],
  K006: ["{0} is declared twice in this module", "rename one of the two"],
  K007: ['the entry "{0}" is not among the source files', "check the path"],
  K008: [
    "no task named {0}: {1}",
    "export `function {0}(arg: u32): void` from the workload or from a module in kernel/workload/",
  ],
  K009: ["the task {0} must be `(arg: u32): void`", "a task gets one number and returns nothing"],
  K010: ["{0}", "`hartlab config` lists the keys and their values"],
  // names and types
  K020: ["unknown name {0}", "{1}"],
  K021: ["{0} has no field {1}", "{2}"],
  K022: [
    "unknown type {0}",
    "types are u8 i8 u16 i16 u32 i32 usize u64 i64 boolean string, classes, Ptr, FixedArray and StructArray",
  ],
  K023: ["`number` has no width", "say which integer it is: u8 i8 u16 i16 u32 i32 usize u64 i64"],
  K024: [
    "the only union is with null",
    "write `T | null`, or an integer with a const enum of values",
  ],
  K025: ["{0} is not a type of kernel TypeScript", "{1}"],
  K026: ["{0} needs a type here", "write `{1}: u32` (or the type you mean)"],
  K027: ["{0} takes {1} type arguments, not {2}", "give one type for each parameter"],
  K028: ["the type argument {0} cannot be told from the arguments", "write it: `{1}<T>(...)`"],
  K029: ["{0} is a type, not a value", "{1}"],
  K030: ["{0} embeds itself", "hold a pointer: `{1}: {0} | null`"],
  K031: ["the length of {0} must be a constant, 0 or more", "use a number or a module `const`"],
  K032: ["{0} has no size here", "name a class or an integer type"],
  K033: ["{0} takes {1} bytes, more than {2}", "{3}"],
  K034: ["{0} is defined by itself", "a type alias must end in a class or an integer type"],
  // conversions
  K040: ["{0} does not convert to {1}", "{2}"],
  K041: ["{0} does not fit {1}", "{2}"],
  K042: ["{0} and {1} do not mix", "convert one side: `{2}(...)`"],
  K043: ["null does not convert to {0}", "declare it `{0} | null`, or pass an object"],
  K044: ["{0} and {1} cannot be compared", "{2}"],
  K045: ["{0} does not work on {1}", "{2}"],
  K046: ["a condition cannot be {0}", "{1}"],
  K047: ["{0} has no value", "only a call of a function that returns something is a value"],
  K048: ["strings compare by address here", "use strcmp(a, b) === 0"],
  K049: ["division by zero", "test the divisor first; this one is the constant 0"],
  K050: ["{0} does not say that it is a 64-bit number", "write `{0}n`: constants of {1} end in n"],
  K051: ["{0} is a 64-bit number, which does not convert to {1}", "drop the n, or convert: `{1}({0})`"],
  K052: ["a shift of {0} by {1}: the machine would shift by {2}", "shift by 0 to {3}"],
  K053: ["{0} is never below 0, so this is always {1}", "compare it with what it must not be, or convert it: `i32(...)`"],
  // assignment and storage
  K060: ["{0} is a constant", "declare it with `let`; what `new` made stays where it is"],
  K061: [
    "{0} is embedded storage and cannot be assigned",
    "assign its fields, or make it a pointer",
  ],
  K062: [
    "this is not a place that can be assigned or have an address",
    "use a variable, a field or an element",
  ],
  K063: [
    "the address of {0} is the structure itself",
    "drop addressOf: a class-typed value is its address",
  ],
  K064: [
    "`new {0}` has no place here",
    "`new` works in module-level const, in fields, in `const x = new T()` and as the result of an \"inline\" function; the heap is kmalloc and kmem_cache_alloc",
  ],
  K065: [
    "{0} is not constant",
    "module-level values are computed at compile time: constants, addresses, `new T()`",
  ],
  K066: [
    "storage is `const`: `const {0} = new ...`",
    "`new T()` names storage, it is not a pointer that moves",
  ],
  K067: ["new {0} takes {1} arguments, not {2}", "give one for each constructor parameter"],
  K068: ["PerCpu is for module-level `const` and fields of statics", "declare it at module level"],
  K069: ["the index {0} is outside of an array of {1}", "elements count from 0"],
  // calls
  K080: ["{0} takes {1}, not {2}", "its parameters are ({3})"],
  K081: ["{0} is not a function", "{1}"],
  K082: ["{0} has no method {1}", "{2}"],
  K083: ["{0} is a generator", "walk it: `for (const x of {0}(...))`"],
  K084: [
    "for..of walks a call of a generator",
    "write `for (const x of entries(...))`, or a `for` with an index",
  ],
  K085: [
    "the method {0} as a value",
    "wrap it in a top-level function; a function value is the name of one",
  ],
  K086: [
    "{0} is generic and cannot be a function value",
    "wrap it in a function with concrete types",
  ],
  K087: [
    "{0} calls itself and must not be inlined",
    'drop "inline"; a generator cannot recurse at all',
  ],
  K088: ["{0} must return {1}", "add `return` with a value on every path"],
  K090: ["{0} must be a constant", "use a number, a member of a const enum or a module `const`"],
  K091: ["`...` passes on a rest parameter only", "write the arguments out"],
  K092: [
    "the 64-bit operator {0} needs {1} from kernel/lib/math64.ts",
    "add kernel/lib/math64.ts to the sources",
  ],
  K093: [
    "{0} is compiled for ever new types",
    "a generic function must not call itself with a type made from its own",
  ],
  K094: [
    "{0} becomes too large with what is inlined into it",
    'mark some of the functions it calls "noinline"',
  ],
  K095: ["an expression or type is nested too deeply", "use intermediate variables"],
  // constructs outside the dialect
  K100: ["closures do not exist here", "make it a top-level function and pass what it needs"],
  K101: ["{0} is not part of kernel TypeScript", "{1}"],
  K102: ["`==` and `!=` convert their operands", "write `===` or `!==`"],
  K103: ["an enum must be `const enum`", "write `const enum {0}`"],
  K104: ["destructuring is not part of kernel TypeScript", "name the fields: `const a = x.a;`"],
  K105: ['a field cannot be reached by `["..."]`', "write `.{0}`"],
  K106: ["string operators do not exist here", "printk and snprintf format text"],
  K107: ["optional parameters do not exist here", "give a default: `{0}: T = value`, or pass null"],
  K108: ["accessors do not exist here", "write a method"],
  K109: ["a class cannot extend or implement", "embed it as a field and use containerOf"],
  K110: [
    "exceptions do not exist here",
    "return an error number; panic() and BUG_ON() stop the kernel",
  ],
  K111: ["type assertions do not convert", "convert with `u32(x)`, or `cast<T>(address)`"],
  K112: ["there is no loop or switch to {0}", "the label must enclose this statement"],
  K113: ["`undefined` does not exist here", "use null"],
  K114: ["a naked function holds only asm`...`", "move the rest into an ordinary function"],
  K115: ["an integer has no fraction", "scale it: nanoseconds, pages, per mille"],
  K116: ["functions need an explicit return type", "write `{0}(...): void` (or the type)"],
  K117: [
    "{0} has nothing to call at the end of the block",
    "give its class a method `[Symbol.dispose](): void`",
  ],
  K118: ["`using` stands in a block", "put braces around it: `{ using _x = …; … }`"],
  K119: ["{0}", "{1}"],
  K120: ["{0} does not print", "print one of its fields, or a number"],
  K121: ["a template holds its arguments itself", "write it into the text, in braces behind a `$`"],
  // contracts
  K122: [
    "the result of {0} tells whether it worked, and is dropped",
    "test it, or assign it to a variable and say why it does not matter",
  ],
  K123: ["{0} must not sleep, and {1} may: {2}", "leave it to a kthread, or use a variant that does not sleep"],
  K127: ["a contract of {0} names {1}, which is not there", "name a parameter of the function, or a module `const` for a mask"],
  K126: [
    "{1} calls {0} where nothing may sleep, and {2} may: {3}",
    "queue a work there and let it sleep, or use a variant that does not",
  ],
  K124: [
    "these flags are restored a second time",
    "restore on each path once; save again for a second section",
  ],
  K125: [
    "{0} returns the address of its own local",
    "the frame is gone then: let the caller pass the storage",
  ],
  // assembly, interrupts, bit fields
  K140: ["assembly has at most {0} {1}", "split it, or pass the address of a structure"],
  K141: ["{0} is no register that assembly may change", 'write "a0" to "a7" or "t0" to "t6"; save and restore others in the text'],
  K142: ["{0} stands in the asm`...` of an ordinary function only", "a naked function names its registers itself"],
  K143: ["{0} is entered by a trap and left by {1}: it cannot be called", "move what both need into an ordinary function"],
  K144: ["an interrupt function takes nothing and returns nothing", "write `(): void`, and read the CSRs by csrRead"],
  K145: ["{0} is no mask of neighbouring bits", "write GENMASK(high, low)"],
  K146: ["{0} does not fit a field of {1} bits", "mask it, or widen the field"],
} as const satisfies Record<string, readonly [message: string, hint: string]>;

export type DiagnosticCode = keyof typeof DIAGNOSTICS;
export const PROBLEMS_MAX = 20;

class Stop extends Error {}
/** Thrown by `fail`; caught by `guarded`. */
const STOP = new Stop("abandoned");
const TOO_MANY = new Stop("too many problems");

function fill(template: string, args: readonly (string | number)[]): string {
  return template.replace(/\{(\d)\}/g, (_, i) => String(args[Number(i)] ?? ""));
}

export class Diagnostics {
  readonly problems: Problem[] = [];
  private readonly seen = new Set<string>();
  private readonly max: number;

  constructor(max = PROBLEMS_MAX) {
    this.max = max;
  }

  report(node: TS.Node | null, code: DiagnosticCode, ...args: (string | number)[]): void {
    const [message, hint] = DIAGNOSTICS[code];
    this.add(
      `${fill(message, args)} (${code})`,
      node ? placeOf(node) : undefined,
      fill(hint, args),
    );
  }

  fail(node: TS.Node | null, code: DiagnosticCode, ...args: (string | number)[]): never {
    this.report(node, code, ...args);
    throw STOP;
  }

  /** As `fail`, and nothing further is looked for. */
  abort(node: TS.Node, code: DiagnosticCode, ...args: (string | number)[]): never {
    this.report(node, code, ...args);
    throw TOO_MANY;
  }

  add(message: string, place: Place | undefined, hint: string): void {
    const key = `${place?.file}:${place?.line}:${place?.column}:${message}`;
    if (this.seen.has(key)) return;
    this.seen.add(key);
    this.problems.push({ message, ...(place && { place }), ...(hint && { hint }) });
    if (this.problems.length >= this.max) throw TOO_MANY;
  }

  /** Something already reported stands in the way. */
  stop(): never {
    assert(this.problems.length > 0, "diagnostics: a silent stop without a problem");
    throw STOP;
  }

  /** Runs `action`; a problem that it fails on is already recorded, and the result is null. */
  guarded<T>(action: () => T): T | null {
    try {
      return action();
    } catch (e) {
      if (e !== STOP) throw e;
      return null;
    }
  }

  /** As `guarded`, at the outermost level: also ends quietly when there are too many problems. */
  outermost<T>(action: () => T): T | null {
    try {
      return action();
    } catch (e) {
      if (e instanceof RangeError) this.report(null, "K095");
      else if (!(e instanceof Stop)) throw e;
      return null;
    }
  }
}

export function placeOf(node: TS.Node): Place {
  const source = node.getSourceFile();
  return placeAt(source, node.getStart(source));
}

export function placeAt(source: TS.SourceFile, position: number): Place {
  const { line, character } = source.getLineAndCharacterOfPosition(position);
  const starts = source.getLineStarts();
  const text = source.text
    .slice(starts[line], starts[line + 1] ?? source.text.length)
    .replace(/[\r\n]+$/, "");
  return { file: source.fileName, line: line + 1, column: character + 1, text };
}
