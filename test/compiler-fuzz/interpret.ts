/**
 * What a random program computes, by its tree alone: an opinion that shares nothing with our compiler, nor with gcc. Numbers are
 * big integers cut to their type after each step; variables, fields and elements are cells, and a pointer is a cell.
 */
import {
  ELEMENTS, bitsOf, isSigned, trailOf,
  type Condition, type Expression, type Place, type Program, type Statement, type TypeName,
} from "./program.ts";

interface Cell {
  readonly type: TypeName;
  value: bigint;
}
type Struct = ReadonlyMap<string, Cell | readonly Cell[]>;
type Bound = Cell | readonly Cell[] | Struct;

/** How control leaves a statement that does not simply end. */
type Leaving = { readonly kind: "return"; readonly value: bigint } | { readonly kind: "break" | "continue"; readonly id: number } | null;

export const wrap = (type: TypeName, value: bigint): bigint =>
  isSigned(type) ? BigInt.asIntN(bitsOf(type), value) : BigInt.asUintN(bitsOf(type), value);

class Interpreter {
  readonly #program: Program;
  readonly #globals = new Map<string, Bound>();

  constructor(program: Program) {
    this.#program = program;
    const cell = (type: TypeName): Cell => ({ type, value: 0n });
    const array = (type: TypeName): Cell[] => Array.from({ length: ELEMENTS }, () => cell(type));
    for (const { name, type, value } of program.globals) this.#globals.set(name, { type, value: wrap(type, value) });
    for (const { name, type } of program.arrays) this.#globals.set(name, array(type));
    for (const name of program.structs) {
      const fields = program.fields.map((f) => [f.name, cell(f.type)] as const);
      this.#globals.set(name, new Map<string, Cell | readonly Cell[]>([...fields, [program.inner.name, array(program.inner.type)]]));
    }
  }

  run(): number {
    const left = this.#block(this.#program.main, new Names(this.#globals));
    const value = left?.kind === "return" ? left.value : this.#checksum();
    return Number(wrap("u32", value));
  }

  #checksum(): bigint {
    let sum = 17n;
    const mix = ({ type, value }: Cell): void => {
      sum = wrap("u32", sum * 31n + wrap("u32", value));
      if (bitsOf(type) === 64) sum = wrap("u32", sum * 31n + (wrap("u64", value) >> 32n));
    };
    const { globals, structs, fields, arrays, inner } = this.#program;
    const found = (name: string): Bound => this.#globals.get(name)!;
    for (const { name } of globals) mix(found(name) as Cell);
    for (const name of structs) for (const f of fields) mix((found(name) as Struct).get(f.name) as Cell);
    for (const { name } of arrays) (found(name) as readonly Cell[]).forEach(mix);
    for (const name of structs) ((found(name) as Struct).get(inner.name) as readonly Cell[]).forEach(mix);
    return sum;
  }

  #cell(place: Place, names: Names): Cell {
    switch (place.kind) {
      case "variable":
      case "target":
        return names.find(place.kind === "target" ? place.of : place.name) as Cell;
      case "field":
        return (names.find(place.of) as Struct).get(place.name) as Cell;
      case "element": {
        const [of, field] = place.of.split(".") as [string, string?];
        const bound = names.find(of);
        const cells = (field === undefined ? bound : (bound as Struct).get(field)) as readonly Cell[];
        return cells[Number(this.#value(place.index, names) & BigInt(ELEMENTS - 1))]!;
      }
    }
  }

  #value(e: Expression, names: Names): bigint {
    switch (e.kind) {
      case "number":
        return wrap(e.type, e.value);
      case "place":
        return this.#cell(e.place, names).value;
      case "convert":
        return wrap(e.type, this.#value(e.of, names));
      case "unary": {
        const of = this.#value(e.of, names);
        return wrap(e.type, e.op === "-" ? -of : ~of);
      }
      case "choose":
        return this.#value(this.#holds(e.if, names) ? e.a : e.b, names);
      case "call":
        return this.#call(e, names);
      case "binary":
        return wrap(e.type, this.#binary(e, this.#value(e.a, names), this.#value(e.b, names)));
    }
  }

  #binary({ op, type }: Expression & { kind: "binary" }, a: bigint, b: bigint): bigint {
    const divisor = (b & 127n) | 1n;
    const count = b & BigInt(bitsOf(type) - 1);
    switch (op) {
      case "+": return a + b;
      case "-": return a - b;
      case "*": return a * b;
      case "/": return a / divisor;
      case "%": return a % divisor;
      case "&": return a & b;
      case "|": return a | b;
      case "^": return a ^ b;
      case "<<": return a << count;
      case ">>": return a >> count;
      case ">>>": return BigInt.asUintN(bitsOf(type), a) >> count;
    }
  }

  #call(e: Expression & { kind: "call" }, names: Names): bigint {
    const fn = this.#program.functions.find(({ name }) => name === e.name)!;
    const own = new Names(this.#globals);
    if (fn.struct !== null) own.add(fn.struct, names.find(e.struct!));
    fn.params.forEach(({ name, type }, i) => own.add(name, { type, value: wrap(type, this.#value(e.args[i]!, names)) }));
    const left = this.#statements(fn.body, own);
    return left?.kind === "return" ? left.value : this.#value(fn.value, own);
  }

  #holds(c: Condition, names: Names): boolean {
    switch (c.kind) {
      case "and": return this.#holds(c.a, names) && this.#holds(c.b, names);
      case "or": return this.#holds(c.a, names) || this.#holds(c.b, names);
      case "not": return !this.#holds(c.of, names);
      case "compare": return this.#compare(c, this.#value(c.a, names), this.#value(c.b, names));
    }
  }

  #compare({ op }: Condition & { kind: "compare" }, a: bigint, b: bigint): boolean {
    switch (op) {
      case "<": return a < b;
      case "<=": return a <= b;
      case ">": return a > b;
      case ">=": return a >= b;
      case "===": return a === b;
      case "!==": return a !== b;
    }
  }

  #block(body: readonly Statement[], names: Names): Leaving {
    return this.#statements(body, new Names(names));
  }

  #statements(body: readonly Statement[], names: Names): Leaving {
    for (const s of body) {
      const left = this.#statement(s, names);
      if (left) return left;
    }
    return null;
  }

  #statement(s: Statement, names: Names): Leaving {
    switch (s.kind) {
      case "let":
        names.add(s.name, { type: s.type, value: wrap(s.type, this.#value(s.value, names)) });
        return null;
      case "assign":
      case "step":
        this.#assign(s, names);
        return null;
      case "if":
        return this.#block(this.#holds(s.if, names) ? s.then : s.else, names);
      case "loop":
        return this.#loop(s, names);
      case "walk":
        return this.#walk(s, names);
      case "switch":
        return this.#switch(s, names);
      case "point":
        names.add(s.name, names.find(this.#holds(s.if, names) ? s.a : s.b));
        return null;
      case "refer":
        names.add(s.name, this.#cell(s.place, names));
        return null;
      case "using": {
        const k = this.#value(s.value, names);
        const left = this.#block(s.body, names);
        const trail = this.#globals.get(trailOf(this.#program)) as Cell;
        trail.value = wrap("u32", trail.value * 3n + k);
        return left;
      }
      case "leave":
        return { kind: s.how, id: s.id };
      case "return":
        return { kind: "return", value: this.#value(s.value, names) };
    }
  }

  /** The place is found before the value is computed; neither has effects. */
  #assign(s: Statement & { kind: "assign" | "step" }, names: Names): void {
    const cell = this.#cell(s.place, names);
    const value = s.kind === "step" ? 1n : this.#value(s.value, names);
    const op = s.kind === "step" ? s.op[0]! : s.op;
    const result: Readonly<Record<string, bigint>> = {
      "": value, "+": cell.value + value, "-": cell.value - value, "*": cell.value * value,
      "&": cell.value & value, "|": cell.value | value, "^": cell.value ^ value,
    };
    cell.value = wrap(cell.type, result[op]!);
  }

  #loop(s: Statement & { kind: "loop" }, names: Names): Leaving {
    const index: Cell = { type: "u32", value: 0n };
    const inner = new Names(names);
    inner.add(`i${s.id}_${this.#program.id}`, index);
    const count = BigInt(s.count);
    while (s.form === "do" || index.value < count) {
      if (s.form !== "for") index.value++;
      const left = this.#block(s.body, inner);
      if (left && (left.kind === "return" || left.id !== s.id)) return left;
      if (left?.kind === "break") return null;
      if (s.form === "for") index.value++;
      else if (s.form === "do" && index.value >= count) return null;
    }
    return null;
  }

  #walk(s: Statement & { kind: "walk" }, names: Names): Leaving {
    const g = this.#program.generators.find(({ name }) => name === s.generator)!;
    const own = new Names(this.#globals);
    own.add(g.param, { type: "u32", value: this.#value(s.arg, names) });
    const index: Cell = { type: "u32", value: 0n };
    own.add(g.index, index);
    for (; index.value < BigInt(g.count); index.value++) {
      if (!this.#holds(g.if, own)) continue;
      const inner = new Names(names);
      inner.add(s.item, { type: "u32", value: this.#value(g.item, own) });
      const left = this.#block(s.body, inner);
      if (left && (left.kind === "return" || left.id !== s.id)) return left;
      if (left?.kind === "break") return null;
    }
    return null;
  }

  #switch(s: Statement & { kind: "switch" }, names: Names): Leaving {
    const on = this.#value(s.on, names);
    let at = s.cases.findIndex(({ label }) => label === on);
    if (at < 0) at = s.cases.findIndex(({ label }) => label === null);
    for (; at >= 0 && at < s.cases.length; at++) {
      const left = this.#block(s.cases[at]!.body, names);
      if (left) return left;
      if (!s.cases[at]!.falls) return null;
    }
    return null;
  }
}

/** Names of a block, and around it those of its function and of the program. */
class Names {
  readonly #own = new Map<string, Bound>();
  readonly #up: Names | ReadonlyMap<string, Bound>;

  constructor(up: Names | ReadonlyMap<string, Bound>) {
    this.#up = up;
  }

  add(name: string, bound: Bound): void {
    this.#own.set(name, bound);
  }

  find(name: string): Bound {
    const own = this.#own.get(name);
    if (own) return own;
    return this.#up instanceof Names ? this.#up.find(name) : this.#up.get(name)!;
  }
}

/** The checksum of a program as eight hexadecimal digits. */
export const interpretProgram = (program: Program): string => new Interpreter(program).run().toString(16).padStart(8, "0");
