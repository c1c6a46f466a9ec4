/** A program as kernel TypeScript and as C: the same tree, two spellings. */
import {
  ELEMENTS, bitsOf, isSigned, trailOf, widened,
  type Condition, type Expression, type FunctionDeclaration, type GeneratorDeclaration, type Place, type Program, type Statement,
  type TypeName,
} from "./program.ts";

const C_TYPE: Readonly<Record<TypeName, string>> = {
  u8: "uint8_t", i8: "int8_t", u16: "uint16_t", i16: "int16_t", u32: "uint32_t", i32: "int32_t", u64: "uint64_t", i64: "int64_t",
};

abstract class Printer {
  protected readonly program: Program;
  constructor(program: Program) {
    this.program = program;
  }
  abstract convert(type: TypeName, of: string): string;
  abstract number(type: TypeName, value: bigint): string;
  /** Logical shift right of a signed value. */
  abstract logical(type: TypeName, a: string, count: string): string;
  abstract declare(name: string, type: TypeName, value: string): string;
  abstract equal(op: string): string;
  abstract label(id: number, statement: string, body: (open: string) => string): string;
  abstract leave(how: "break" | "continue", id: number): string;
  abstract walk(s: Statement & { kind: "walk" }): string;
  /** A path through a structure that may be behind a pointer. */
  abstract reach(path: string): string;
  /** A structure as a pointer. */
  abstract pointerTo(struct: string): string;
  abstract point(name: string, value: string): string;
  abstract refer(name: string, type: TypeName, place: string): string;
  abstract guard(name: string, value: string): string;
  /** A number by its name, if it has one. */
  abstract member(e: Expression & { kind: "number" }): string | null;
  /** The second operand of an operator, where a narrow variable may widen by itself. */
  abstract operand(e: Expression): string;

  place(p: Place): string {
    switch (p.kind) {
      case "variable":
        return p.name;
      case "field":
        return this.reach(`${p.of}.${p.name}`);
      case "element":
        return `${this.reach(p.of)}[${this.expression(p.index)} & ${this.number("u32", BigInt(ELEMENTS - 1))}]`;
      case "target":
        return `${p.of}[0]`;
    }
  }

  expression(e: Expression): string {
    switch (e.kind) {
      case "number":
        return this.member(e) ?? this.number(e.type, e.value);
      case "place":
        return this.place(e.place);
      case "convert":
        return this.convert(e.type, this.expression(e.of));
      case "unary":
        return this.convert(e.type, `(${e.op}${this.expression(e.of)})`);
      case "choose":
        return this.choose(e);
      case "call":
        return this.call(e);
      case "binary":
        return this.binary(e);
    }
  }

  choose(e: Expression & { kind: "choose" }): string {
    return `(${this.condition(e.if)} ? ${this.expression(e.a)} : ${this.expression(e.b)})`;
  }

  private call(e: Expression & { kind: "call" }): string {
    const args = e.args.map((a) => this.expression(a));
    if (e.struct !== undefined) args.unshift(this.pointerTo(e.struct));
    return `${e.pointer ? "to_" : ""}${e.name}(${args.join(", ")})`;
  }

  private binary(e: Expression & { kind: "binary" }): string {
    const a = this.expression(e.a);
    const small = (mask: bigint): string => `(${this.expression(e.b)} & ${this.number(e.type, mask)})`;
    switch (e.op) {
      case "/":
      case "%":
        return `(${a} ${e.op} (${small(127n)} | ${this.number(e.type, 1n)}))`;
      case "<<":
      case ">>":
        return `(${a} ${e.op} ${small(BigInt(bitsOf(e.type) - 1))})`;
      case ">>>":
        return this.logical(e.type, a, small(BigInt(bitsOf(e.type) - 1)));
      default:
        return `(${a} ${e.op} ${this.operand(e.b)})`;
    }
  }

  condition(c: Condition): string {
    switch (c.kind) {
      case "compare":
        return `(${this.expression(c.a)} ${this.equal(c.op)} ${this.operand(c.b)})`;
      case "and":
        return `(${this.condition(c.a)} && ${this.condition(c.b)})`;
      case "or":
        return `(${this.condition(c.a)} || ${this.condition(c.b)})`;
      case "not":
        return `!${this.condition(c.of)}`;
    }
  }

  block(body: readonly Statement[]): string {
    return `{ ${body.map((s) => this.statement(s)).join("\n")} }`;
  }

  statement(s: Statement): string {
    switch (s.kind) {
      case "let":
        return this.declare(s.name, s.type, this.expression(s.value));
      case "assign":
        return `${this.place(s.place)} ${s.op}= ${this.expression(s.value)};`;
      case "step":
        return `${this.place(s.place)}${s.op};`;
      case "if":
        return `if (${this.condition(s.if)}) ${this.block(s.then)}${s.else.length > 0 ? ` else ${this.block(s.else)}` : ""}`;
      case "loop":
        return this.loop(s);
      case "walk":
        return this.walk(s);
      case "switch":
        return this.selection(s);
      case "point":
        return this.point(s.name, `${this.condition(s.if)} ? ${this.pointerTo(s.a)} : ${this.pointerTo(s.b)}`);
      case "refer":
        return this.refer(s.name, s.type, this.place(s.place));
      case "using":
        return `{ ${this.guard(s.name, this.expression(s.value))} ${s.body.map((item) => this.statement(item)).join("\n")} }`;
      case "leave":
        return this.leave(s.how, s.id);
      case "return":
        return `return ${this.expression(s.value)};`;
    }
  }

  private loop(s: Statement & { kind: "loop" }): string {
    const i = `i${s.id}_${this.program.id}`;
    const zero = this.declare(i, "u32", this.number("u32", 0n));
    const more = `${i} < ${this.number("u32", BigInt(s.count))}`;
    const body = s.body.map((item) => this.statement(item)).join("\n");
    const step = `${i}++;`;
    switch (s.form) {
      case "for":
        return this.label(s.id, body, (inner) => `for (${zero} ${more}; ${i}++) { ${inner} }`);
      case "while":
        return `{ ${zero} ${this.label(s.id, body, (inner) => `while (${more}) { ${step} ${inner} }`)} }`;
      case "do":
        return `{ ${zero} ${this.label(s.id, body, (inner) => `do { ${step} ${inner} } while (${more});`)} }`;
    }
  }

  private selection(s: Statement & { kind: "switch" }): string {
    const cases = s.cases.map(({ label, body, falls }) => {
      const head = label === null ? "default" : `case ${label}${this.literalSuffix}`;
      return `${head}: ${this.block(body)}${falls ? "" : " break;"}`;
    });
    return `switch (${this.expression(s.on)}) { ${cases.join("\n")} }`;
  }
  abstract readonly literalSuffix: string;

  /** Statements that mix everything global into `sum`. */
  protected checksum(): string[] {
    const { structs, fields, inner, arrays, globals } = this.program;
    const arrayPlaces = [...arrays, ...structs.map((of) => ({ name: `${of}.${inner.name}`, type: inner.type }))];
    const places: { place: string; type: TypeName }[] = [
      ...globals.map((g) => ({ place: g.name, type: g.type })),
      ...structs.flatMap((of) => fields.map((f) => ({ place: `${of}.${f.name}`, type: f.type }))),
      ...arrayPlaces.flatMap((a) => Array.from({ length: ELEMENTS }, (_, i) => ({ place: `${a.name}[${i}]`, type: a.type }))),
    ];
    return places.flatMap(({ place, type }) => {
      const mix = (word: string): string => `sum = sum * ${this.number("u32", 31n)} + ${this.convert("u32", word)};`;
      if (bitsOf(type) < 64) return [mix(place)];
      const high = this.convert("u64", place);
      return [mix(place), mix(`(${high} >> ${this.number("u64", 32n)})`)];
    });
  }

  main(): string {
    return [...this.program.main.map((s) => this.statement(s)), this.declare("sum", "u32", this.number("u32", 17n)), ...this.checksum(), "return sum;"].join("\n");
  }
}

class DialectPrinter extends Printer {
  readonly literalSuffix = "";
  convert(type: TypeName, of: string): string {
    return `${type}(${of})`;
  }
  number(type: TypeName, value: bigint): string {
    return `${type}(${value}${bitsOf(type) === 64 ? "n" : ""})`;
  }
  logical(_type: TypeName, a: string, count: string): string {
    return `(${a} >>> ${count})`;
  }
  declare(name: string, type: TypeName, value: string): string {
    return `let ${name}: ${type} = ${value};`;
  }
  equal(op: string): string {
    return op;
  }
  operand(e: Expression): string {
    if (e.kind === "convert" && e.of.kind === "place" && bitsOf(e.type) === 32) {
      const { type } = e.of;
      if (bitsOf(type) < 32 && (widened(type) === e.type || (e.type === "i32" && !isSigned(type)))) return this.place(e.of.place);
    }
    return this.expression(e);
  }
  label(id: number, body: string, loop: (inner: string) => string): string {
    return `L${id}: ${loop(body)}`;
  }
  leave(how: "break" | "continue", id: number): string {
    return `${how} L${id};`;
  }
  walk(s: Statement & { kind: "walk" }): string {
    return `L${s.id}: for (const ${s.item} of ${s.generator}(${this.expression(s.arg)})) ${this.block(s.body)}`;
  }

  reach(path: string): string {
    return path;
  }
  pointerTo(struct: string): string {
    return struct;
  }
  point(name: string, value: string): string {
    return `const ${name}: S_${this.program.id} = ${value};`;
  }
  refer(name: string, type: TypeName, place: string): string {
    return `const ${name}: Ptr<${type}> = addressOf(${place});`;
  }
  guard(name: string, value: string): string {
    return `using ${name} = guard_${this.program.id}(${value});`;
  }
  member(e: Expression & { kind: "number" }): string | null {
    return e.member === undefined ? null : `${e.type}(E_${this.program.id}.${e.member})`;
  }
  override choose(e: Expression & { kind: "choose" }): string {
    if (!e.generic) return super.choose(e);
    return `choose_${this.program.id}(${this.condition(e.if)}, ${this.expression(e.a)}, ${this.expression(e.b)})`;
  }

  private params(f: FunctionDeclaration): string {
    const params = f.params.map((p) => `${p.name}: ${p.type}`);
    if (f.struct !== null) params.unshift(`${f.struct}: S_${this.program.id}`);
    return params.join(", ");
  }
  private function(f: FunctionDeclaration): string {
    const params = this.params(f);
    const directive = f.directive === "" ? "" : `"${f.directive}";\n`;
    const body = f.body.map((s) => this.statement(s)).join("\n");
    const pointer = `let to_${f.name}: (${params}) => ${f.result} = ${f.name};`;
    return `function ${f.name}(${params}): ${f.result} { ${directive}${body}\nreturn ${this.expression(f.value)}; }\n${pointer}`;
  }
  /** What every program has: an enum, a guard and a generic function. */
  private common(): string[] {
    const { id, members, directive } = this.program;
    const said = directive === "" ? "" : `"${directive}"; `;
    const trail = trailOf(this.program);
    return [
      `const enum E_${id} { ${members.map(({ name, value }) => `${name} = ${value}`).join(", ")} }`,
      `class guard_class_${id} { constructor(readonly k: u32) {} [Symbol.dispose](): void { ${trail} = ${trail} * 3 + this.k; } }`,
      `function guard_${id}(k: u32): guard_class_${id} { "inline"; return new guard_class_${id}(k); }`,
      `function choose_${id}<T>(first: boolean, a: T, b: T): T { ${said}if (first) return a; return b; }`,
    ];
  }
  private generator(g: GeneratorDeclaration): string {
    const loop = `for (let ${g.index}: u32 = 0; ${g.index} < ${g.count}; ${g.index}++)`;
    return `function* ${g.name}(${g.param}: u32): Generator<u32> { ${loop} { if (${this.condition(g.if)}) yield ${this.expression(g.item)}; } }`;
  }

  print(): string {
    const { id, fields, inner, globals, arrays, structs, generators, functions } = this.program;
    return [
      `class S_${id} { ${fields.map((f) => `${f.name}: ${f.type};`).join(" ")} readonly ${inner.name} = new FixedArray<${inner.type}>(${ELEMENTS}); }`,
      ...this.common(),
      ...structs.map((name) => `const ${name} = new S_${id}();`),
      ...arrays.map((a) => `const ${a.name} = new FixedArray<${a.type}>(${ELEMENTS});`),
      ...globals.map((g) => `let ${g.name}: ${g.type} = ${g.value}${bitsOf(g.type) === 64 ? "n" : ""};`),
      ...generators.map((g) => this.generator(g)),
      ...functions.map((f) => this.function(f)),
      `function main_${id}(): u32 { "noinline"; ${this.main()} }`,
    ].join("\n");
  }
}

class CPrinter extends Printer {
  readonly literalSuffix = "u";
  convert(type: TypeName, of: string): string {
    return `((${C_TYPE[type]})${of})`;
  }
  number(type: TypeName, value: bigint): string {
    const suffix = bitsOf(type) === 64 ? "ULL" : "U";
    return `((${C_TYPE[type]})0x${BigInt.asUintN(bitsOf(type), value).toString(16)}${suffix})`;
  }
  logical(type: TypeName, a: string, count: string): string {
    const unsigned = type.replace("i", "u") as TypeName;
    return this.convert(type, `(${this.convert(unsigned, a)} >> ${count})`);
  }
  declare(name: string, type: TypeName, value: string): string {
    return `${C_TYPE[type]} ${name} = ${value};`;
  }
  equal(op: string): string {
    return op.replace(/^([=!]=)=$/, "$1");
  }
  operand(e: Expression): string {
    return this.expression(e);
  }
  label(id: number, body: string, loop: (inner: string) => string): string {
    return `${loop(`{ ${body} } continue_${id}: ;`)} break_${id}: ;`;
  }
  leave(how: "break" | "continue", id: number): string {
    return `goto ${how}_${id};`;
  }
  walk(s: Statement & { kind: "walk" }): string {
    const g = this.program.generators.find(({ name }) => name === s.generator)!;
    const head = `uint32_t ${g.param} = ${this.expression(s.arg)};`;
    const item = `uint32_t ${s.item} = ${this.expression(g.item)};`;
    const loop = `for (uint32_t ${g.index} = 0; ${g.index} < ${g.count}u; ${g.index}++)`;
    return `{ ${head} ${loop} { if (${this.condition(g.if)}) { ${item} ${this.block(s.body)} continue_${s.id}: ; } } break_${s.id}: ; }`;
  }

  reach(path: string): string {
    return path.startsWith("q") ? path.replace(".", "->") : path;
  }
  pointerTo(struct: string): string {
    return struct.startsWith("q") ? struct : `&${struct}`;
  }
  point(name: string, value: string): string {
    return `struct S_${this.program.id} *${name} = ${value};`;
  }
  refer(name: string, type: TypeName, place: string): string {
    return `${C_TYPE[type]} *${name} = &${place};`;
  }
  guard(name: string, value: string): string {
    return `uint32_t ${name} __attribute__((cleanup(left_${this.program.id}))) = ${value};`;
  }
  member(): null {
    return null;
  }

  private function(f: FunctionDeclaration): string {
    const given = f.params.map((p) => `${C_TYPE[p.type]} ${p.name}`);
    if (f.struct !== null) given.unshift(`struct S_${this.program.id} *${f.struct}`);
    const params = given.join(", ") || "void";
    const body = f.body.map((s) => this.statement(s)).join("\n");
    const pointer = `static ${C_TYPE[f.result]} (*to_${f.name})(${params}) = ${f.name};`;
    return `static ${C_TYPE[f.result]} ${f.name}(${params}) { ${body}\nreturn ${this.expression(f.value)}; }\n${pointer}`;
  }

  print(): string {
    const { id, fields, inner, globals, arrays, structs, functions } = this.program;
    const trail = trailOf(this.program);
    return [
      `struct S_${id} { ${fields.map((f) => `${C_TYPE[f.type]} ${f.name};`).join(" ")} ${C_TYPE[inner.type]} ${inner.name}[${ELEMENTS}]; };`,
      ...structs.map((name) => `static struct S_${id} ${name};`),
      ...arrays.map((a) => `static ${C_TYPE[a.type]} ${a.name}[${ELEMENTS}];`),
      ...globals.map((g) => `static ${C_TYPE[g.type]} ${g.name} = ${this.number(g.type, g.value)};`),
      `static void left_${id}(uint32_t *k) { ${trail} = ${trail} * 3 + *k; }`,
      ...functions.map((f) => this.function(f)),
      `uint32_t main_${id}(void) { ${this.main()} }`,
    ].join("\n");
  }
}

/** Declarations of one program; `main_N` is its entry. */
export const printDialect = (program: Program): string => new DialectPrinter(program).print();
export const printC = (program: Program): string => new CPrinter(program).print();
