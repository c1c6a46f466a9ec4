/** Makes a random program from a seed. Names are unique in a program; every loop ends; the size is bounded. */
import {
  TYPES, WIDE, bitsOf, isSigned, trailOf,
  type BinaryOperator, type Case, type Condition, type Expression, type FunctionDeclaration, type GeneratorDeclaration,
  type Place, type Program, type Statement, type TypeName, type Wide,
} from "./program.ts";

/** xorshift32; the seed is mixed so that neighbours differ. */
class Random {
  private state: number;
  constructor(seed: number) {
    this.state = (Math.imul(seed + 1, 0x9e37_79b1) ^ 0x5bd1_e995) | 1;
  }
  word(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return x >>> 0;
  }
  below(n: number): number {
    return this.word() % n;
  }
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
}

const EDGES = [0n, 1n, 2n, 3n, 7n, 127n, 128n, 255n, 256n, 0x7fffn, 0x8000n, 0xffffn, 0x7ff_fn, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, 0x1_0000_0000n, 1n << 63n];
const STATEMENTS_MAX = 60;
const DEPTH_MAX = 4;

interface Scope {
  readonly variables: readonly { readonly name: string; readonly type: TypeName; readonly fixed: boolean }[];
  /** Structures in reach: global ones and local pointers. */
  readonly structs: readonly string[];
  /** Local Ptr<T>. */
  readonly pointers: readonly { readonly name: string; readonly type: TypeName }[];
  /** Loops that `break` and `continue` may name. */
  readonly loops: readonly number[];
  /** Whether globals may be written and functions called. */
  readonly isMain: boolean;
  readonly callable: readonly FunctionDeclaration[];
  readonly result: Wide;
  /** Statements of a loop's body count more than once. */
  readonly depth: number;
}

class Generator {
  readonly random: Random;
  private names = 0;
  private statements = 0;
  readonly program: { -readonly [K in keyof Program]: Program[K] };

  constructor(id: number, seed: number) {
    this.random = new Random(seed);
    this.program = { id, fields: [], inner: { name: "inner", type: "u8" }, members: [], directive: "", globals: [], arrays: [], structs: [], generators: [],
      functions: [], main: [] };
  }

  name(prefix: string): string {
    return `${prefix}${this.names++}_${this.program.id}`;
  }

  number(type: Wide): Expression {
    const { members } = this.program;
    if (type === "u32" && members.length > 0 && this.random.chance(20)) {
      const { name, value } = this.random.pick(members);
      return { kind: "number", type, value, member: name };
    }
    const any = this.random.chance(50) ? this.random.pick(EDGES) : BigInt(this.random.word()) >> BigInt(this.random.below(32));
    const value = this.random.chance(25) ? -any : any;
    return { kind: "number", type, value: isSigned(type) ? BigInt.asIntN(bitsOf(type), value) : BigInt.asUintN(bitsOf(type), value) };
  }

  place(scope: Scope, depth: number): { place: Place; type: TypeName; fixed: boolean } | null {
    const { program, random } = this;
    const roll = random.below(11);
    if (roll === 10 && scope.pointers.length > 0) {
      const { name, type } = random.pick(scope.pointers);
      return { place: { kind: "target", of: name }, type, fixed: false };
    }
    if (roll < 5 && scope.variables.length > 0) {
      const { name, type, fixed } = random.pick(scope.variables);
      return { place: { kind: "variable", name }, type, fixed };
    }
    if (roll < 7 && scope.structs.length > 0) {
      const of = random.pick(scope.structs);
      if (random.chance(25)) {
        const index = this.expression("u32", scope, depth - 2);
        return { place: { kind: "element", of: `${of}.${program.inner.name}`, index }, type: program.inner.type, fixed: false };
      }
      const field = random.pick(program.fields);
      return { place: { kind: "field", of, name: field.name }, type: field.type, fixed: false };
    }
    if (roll < 9 && program.arrays.length > 0) {
      const array = random.pick(program.arrays);
      return { place: { kind: "element", of: array.name, index: this.expression("u32", scope, depth - 2) }, type: array.type, fixed: false };
    }
    if (program.globals.length === 0) return null;
    const { name, type } = random.pick(program.globals);
    return { place: { kind: "variable", name }, type, fixed: false };
  }

  expression(type: Wide, scope: Scope, depth: number): Expression {
    const { random } = this;
    if (depth <= 0 || random.chance(15)) return this.leaf(type, scope, depth);
    const deeper = (): Expression => this.expression(type, scope, depth - 1);
    switch (random.below(10)) {
      case 0:
        return { kind: "unary", type, op: random.pick(["-", "~"] as const), of: deeper() };
      case 1:
        return { kind: "choose", type, generic: random.chance(30), if: this.condition(scope, depth - 2), a: deeper(), b: deeper() };
      case 2: {
        const narrow = random.pick(TYPES);
        const of = this.expression(random.pick(WIDE), scope, depth - 1);
        return { kind: "convert", type, of: { kind: "convert", type: narrow, of } };
      }
      case 3: {
        const usable = scope.callable.filter((f) => f.result === type && (f.struct === null || scope.structs.length > 0));
        if (usable.length === 0) return this.leaf(type, scope, depth);
        const callee = random.pick(usable);
        const args = callee.params.map((p): Expression => ({ kind: "convert", type: p.type, of: this.expression(random.pick(WIDE), scope, depth - 2) }));
        const struct = callee.struct === null || scope.structs.length === 0 ? {} : { struct: random.pick(scope.structs) };
        return { kind: "call", type, name: callee.name, pointer: random.chance(25), ...struct, args };
      }
      default: {
        const op = random.pick<BinaryOperator>(["+", "-", "*", "&", "|", "^", "<<", ">>", ">>>", "/", "%", "+", "-"]);
        return { kind: "binary", type, op, a: deeper(), b: deeper() };
      }
    }
  }

  private leaf(type: Wide, scope: Scope, depth: number): Expression {
    const found = this.random.chance(75) ? this.place(scope, depth) : null;
    if (!found) return this.number(type);
    const of: Expression = { kind: "place", type: found.type, place: found.place };
    return found.type === type ? of : { kind: "convert", type, of };
  }

  condition(scope: Scope, depth: number): Condition {
    const { random } = this;
    if (depth > 0 && random.chance(30)) {
      if (random.chance(25)) return { kind: "not", of: this.condition(scope, depth - 1) };
      return { kind: random.pick(["and", "or"] as const), a: this.condition(scope, depth - 1), b: this.condition(scope, depth - 1) };
    }
    const type = random.pick(WIDE);
    const op = random.pick(["<", "<=", ">", ">=", "===", "!=="] as const);
    return { kind: "compare", op, a: this.expression(type, scope, depth - 1), b: this.expression(type, scope, depth - 1) };
  }

  block(scope: Scope, count: number): Statement[] {
    const result: Statement[] = [];
    let inner = scope;
    for (let i = 0; i < count && this.statements < STATEMENTS_MAX; i++) {
      const statement = this.statement(inner);
      result.push(statement);
      if (statement.kind === "let") {
        const added = { name: statement.name, type: statement.type, fixed: false };
        inner = { ...inner, variables: [...inner.variables, added] };
      }
      if (statement.kind === "point") inner = { ...inner, structs: [...inner.structs, statement.name] };
      if (statement.kind === "refer") inner = { ...inner, pointers: [...inner.pointers, statement] };
      if (statement.kind === "leave" || statement.kind === "return") break;
    }
    return result;
  }

  private statement(scope: Scope): Statement {
    const { random } = this;
    this.statements++;
    const roll = random.below(100);
    if (scope.depth < DEPTH_MAX) {
      if (roll < 14) return this.branch(scope);
      if (roll < 24) return this.loop(scope);
      if (roll < 30) return this.selection(scope);
      if (roll < 36 && scope.isMain && this.program.generators.length > 0) return this.walk(scope);
      if (roll < 39 && scope.isMain) return this.using(scope);
    }
    if (roll < 42 && scope.structs.length > 0) {
      return { kind: "point", name: this.name("q"), if: this.condition(scope, 1), a: random.pick(scope.structs), b: random.pick(scope.structs) };
    }
    if (roll < 46) {
      const found = this.place(scope, 2);
      if (found && !found.fixed) return { kind: "refer", name: this.name("r"), type: found.type, place: found.place };
    }
    if (roll < 55) {
      const type = random.pick(TYPES);
      return { kind: "let", name: this.name("v"), type, value: this.valueOf(type, scope) };
    }
    return this.assignment(scope);
  }

  private valueOf(type: TypeName, scope: Scope): Expression {
    const wide = this.random.pick(WIDE);
    return { kind: "convert", type, of: this.expression(wide, scope, 3) };
  }

  private assignment(scope: Scope): Statement {
    for (;;) {
      const found = this.place(scope, 2);
      if (!found) break;
      const isLocal = found.place.kind === "variable" && scope.variables.some((v) => found.place.kind === "variable" && v.name === found.place.name);
      if (found.fixed || (!scope.isMain && !isLocal)) {
        if (!scope.isMain && !scope.variables.some((v) => !v.fixed)) break;
        continue;
      }
      const { place, type } = found;
      if (this.random.chance(15)) return { kind: "step", place, type, op: this.random.pick(["++", "--"] as const) };
      const op = this.random.pick(["", "", "", "+", "-", "*", "&", "|", "^"] as const);
      return { kind: "assign", place, type, op, value: this.valueOf(type, scope) };
    }
    const type = this.random.pick(TYPES);
    return { kind: "let", name: this.name("v"), type, value: this.valueOf(type, scope) };
  }

  private branch(scope: Scope): Statement {
    const { random } = this;
    const inner = { ...scope, depth: scope.depth + 1 };
    const then = this.block(inner, 1 + random.below(3));
    if (scope.loops.length > 0 && random.chance(35)) {
      then.push({ kind: "leave", how: random.pick(["break", "continue"] as const), id: random.pick(scope.loops) });
    } else if (random.chance(6)) {
      then.push({ kind: "return", value: this.expression(scope.result, scope, 2) });
    }
    const otherwise = random.chance(40) ? this.block(inner, 1 + random.below(2)) : [];
    return { kind: "if", if: this.condition(scope, 2), then, else: otherwise };
  }

  private loop(scope: Scope): Statement {
    const { random } = this;
    const id = this.names++;
    const index = { name: `i${id}_${this.program.id}`, type: "u32" as const, fixed: true };
    const form = random.pick(["for", "while", "do"] as const);
    const inner = { ...scope, depth: scope.depth + 1, loops: [...scope.loops, id], variables: [...scope.variables, index] };
    return { kind: "loop", form, id, count: 1 + random.below(6), body: this.block(inner, 1 + random.below(4)) };
  }

  private walk(scope: Scope): Statement {
    const id = this.names++;
    const item = this.name("w");
    const added = { name: item, type: "u32" as const, fixed: true };
    const inner = { ...scope, depth: scope.depth + 1, loops: [...scope.loops, id], variables: [...scope.variables, added] };
    const generator = this.random.pick(this.program.generators).name;
    return { kind: "walk", id, generator, item, arg: this.expression("u32", scope, 2), body: this.block(inner, 1 + this.random.below(3)) };
  }

  private using(scope: Scope): Statement {
    const inner = { ...scope, depth: scope.depth + 1 };
    return { kind: "using", name: this.name("_u"), value: this.expression("u32", scope, 2), body: this.block(inner, 1 + this.random.below(4)) };
  }

  private selection(scope: Scope): Statement {
    const { random } = this;
    const inner = { ...scope, depth: scope.depth + 1 };
    const dense = random.chance(60);
    const labels = new Set<bigint>();
    for (let i = 1 + random.below(8); i > 0; i--) labels.add(dense ? BigInt(random.below(10)) : BigInt(random.word() >>> random.below(30)));
    const cases: Case[] = [...labels].map((label) => ({ label, body: this.block(inner, random.below(3)), falls: random.chance(20) }));
    if (random.chance(60)) cases.splice(random.below(cases.length + 1), 0, { label: null, body: this.block(inner, 1), falls: false });
    const value = this.expression("u32", scope, 2);
    const seven: Expression = { kind: "number", type: "u32", value: 7n };
    return { kind: "switch", on: dense ? { kind: "binary", type: "u32", op: "&", a: value, b: seven } : value, cases };
  }

  fill(): Program {
    const { program, random } = this;
    const fields = [];
    for (let i = 2 + random.below(4); i > 0; i--) fields.push({ name: this.name("f"), type: random.pick(TYPES) });
    program.fields = fields;
    program.inner = { name: this.name("f"), type: random.pick(TYPES) };
    program.members = Array.from({ length: 1 + random.below(3) }, () => ({ name: this.name("e"), value: BigInt(random.word() >>> random.below(32)) }));
    program.directive = random.pick(["", "inline", "noinline"] as const);
    program.structs = [this.name("s"), this.name("s")];
    program.arrays = [this.name("a"), this.name("a")].map((name) => ({ name, type: random.pick(TYPES) }));
    const globals = [];
    for (let i = 2; i > 0; i--) {
      const type = random.pick(TYPES);
      const any = this.number(isSigned(type) ? "i64" : "u64");
      const value = any.kind === "number" ? any.value : 0n;
      globals.push({ name: this.name("g"), type, value: isSigned(type) ? BigInt.asIntN(bitsOf(type), value) : BigInt.asUintN(bitsOf(type), value) });
    }
    program.globals = [...globals, { name: trailOf(program), type: "u32", value: 0n }];
    for (let i = random.below(3); i > 0; i--) program.generators = [...program.generators, this.generator()];
    for (let i = 1 + random.below(3); i > 0; i--) program.functions = [...program.functions, this.function()];
    this.statements = 0;
    const scope: Scope = { variables: [], structs: program.structs, pointers: [], loops: [], isMain: true, callable: program.functions, result: "u32", depth: 0 };
    program.main = this.block(scope, 4 + random.below(10));
    return program;
  }

  private generator(): GeneratorDeclaration {
    const id = this.names++;
    const index = `i${id}_${this.program.id}`;
    const param = this.name("p");
    const variables = [{ name: index, type: "u32" as const, fixed: true }, { name: param, type: "u32" as const, fixed: true }];
    const scope: Scope = { variables, structs: this.program.structs, pointers: [], loops: [], isMain: false, callable: [], result: "u32", depth: 0 };
    return {
      name: this.name("gen"), param, id, index, count: 1 + this.random.below(5),
      if: this.condition(scope, 2), item: this.expression("u32", scope, 2),
    };
  }

  private function(): FunctionDeclaration {
    const { random } = this;
    const params = Array.from({ length: random.below(random.chance(10) ? 12 : 5) }, () => ({ name: this.name("p"), type: random.pick(TYPES) }));
    const result = random.pick(WIDE);
    const variables = params.map((p) => ({ ...p, fixed: false }));
    const struct = random.chance(50) ? this.name("q") : null;
    const structs = struct === null ? this.program.structs : [struct, struct, ...this.program.structs];
    const scope: Scope = { variables, structs, pointers: [], loops: [], isMain: false, callable: this.program.functions, result, depth: 1 };
    this.statements = STATEMENTS_MAX / 2;
    const body = this.block(scope, random.below(5));
    return {
      name: this.name("fn"), struct, params, result, directive: random.pick(["", "", "inline", "noinline"] as const),
      body, value: this.expression(result, scope, 3),
    };
  }
}

export function generateProgram(id: number, seed: number): Program {
  return new Generator(id, seed).fill();
}
