/**
 * WebAssembly function bodies as composable values: `i32.add(get(a), 4)` is code that leaves a number on the stack.
 *
 * A node is a function that writes its bytes; nothing is evaluated before `module.ts` asks for the body, so branch
 * depths are known when they are written. `Value` leaves one operand, `Statement` leaves none; the two have one
 * representation, and the engine's validator catches a mix-up. A plain number stands for a constant.
 */

export type Node = (out: CodeWriter) => void;
export type Value = Node;
export type Statement = Node;
export type Operand = Value | number;

export const I32 = 0x7f;
export const I64 = 0x7e;
export type ValueType = typeof I32 | typeof I64;

export interface Local {
  readonly index: number;
  readonly type: ValueType;
}
export interface Global {
  readonly index: number;
  readonly type: ValueType;
}
export interface Callee {
  readonly index: number;
}
/** A branch target; an object only for its identity. */
export interface Label {
  readonly name: string;
}

/** Bytes of one function body and the labels open at this point. */
export class CodeWriter {
  readonly bytes: number[] = [];
  readonly #labels: (Label | null)[] = [];

  open(label: Label | null): void {
    this.#labels.push(label);
  }
  close(): void {
    this.#labels.pop();
    this.bytes.push(0x0b);
  }
  depth(label: Label): number {
    const at = this.#labels.lastIndexOf(label);
    if (at < 0) throw new Error(`wasm: label ${label.name} is not open here`);
    return this.#labels.length - 1 - at;
  }
}

/** Unsigned LEB128. */
export function writeUnsigned(bytes: number[], value: number): void {
  let rest = value >>> 0;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
}

/** Signed LEB128 of a safe integer. */
export function writeSigned(bytes: number[], value: number): void {
  let rest = value;
  for (;;) {
    const low = ((rest % 128) + 128) % 128;
    rest = Math.floor(rest / 128);
    const done = (rest === 0 && low < 64) || (rest === -1 && low >= 64);
    bytes.push(done ? low : low | 0x80);
    if (done) return;
  }
}

const put = (out: CodeWriter, operand: Operand, type: ValueType): void => {
  if (typeof operand !== "number") return operand(out);
  out.bytes.push(type === I32 ? 0x41 : 0x42);
  writeSigned(out.bytes, type === I32 ? operand | 0 : operand);
};

type Binary = (a: Operand, b: Operand) => Value;
type Unary = (a: Operand) => Value;
const binary =
  (opcode: number, type: ValueType): Binary =>
  (a, b) =>
  (out) => {
    put(out, a, type);
    put(out, b, type);
    out.bytes.push(opcode);
  };
const unary =
  (opcode: number, type: ValueType): Unary =>
  (a) =>
  (out) => {
    put(out, a, type);
    out.bytes.push(opcode);
  };

type Load = (address: Operand, offset?: number) => Value;
type Store = (address: Operand, value: Operand, offset?: number) => Statement;
const load =
  (opcode: number): Load =>
  (address, offset = 0) =>
  (out) => {
    put(out, address, I32);
    out.bytes.push(opcode, 0);
    writeUnsigned(out.bytes, offset);
  };
const store =
  (opcode: number, type: ValueType): Store =>
  (address, value, offset = 0) =>
  (out) => {
    put(out, address, I32);
    put(out, value, type);
    out.bytes.push(opcode, 0);
    writeUnsigned(out.bytes, offset);
  };

export const i32 = {
  const: (value: number): Value => (out) => put(out, value, I32),
  eqz: unary(0x45, I32),
  eq: binary(0x46, I32),
  ne: binary(0x47, I32),
  ltS: binary(0x48, I32),
  ltU: binary(0x49, I32),
  gtS: binary(0x4a, I32),
  gtU: binary(0x4b, I32),
  leS: binary(0x4c, I32),
  leU: binary(0x4d, I32),
  geS: binary(0x4e, I32),
  geU: binary(0x4f, I32),
  ctz: unary(0x68, I32),
  add: binary(0x6a, I32),
  sub: binary(0x6b, I32),
  mul: binary(0x6c, I32),
  divS: binary(0x6d, I32),
  divU: binary(0x6e, I32),
  remS: binary(0x6f, I32),
  remU: binary(0x70, I32),
  and: binary(0x71, I32),
  or: binary(0x72, I32),
  xor: binary(0x73, I32),
  shl: binary(0x74, I32),
  shrS: binary(0x75, I32),
  shrU: binary(0x76, I32),
  /** Low half of an i64. */
  wrap: unary(0xa7, I64),
  load: load(0x28),
  load8S: load(0x2c),
  load8U: load(0x2d),
  load16S: load(0x2e),
  load16U: load(0x2f),
  store: store(0x36, I32),
  store8: store(0x3a, I32),
  store16: store(0x3b, I32),
};

export const i64 = {
  const: (value: number): Value => (out) => put(out, value, I64),
  eqz: unary(0x50, I64),
  eq: binary(0x51, I64),
  ne: binary(0x52, I64),
  ltU: binary(0x54, I64),
  gtU: binary(0x56, I64),
  leU: binary(0x58, I64),
  geU: binary(0x5a, I64),
  ctz: unary(0x7a, I64),
  add: binary(0x7c, I64),
  sub: binary(0x7d, I64),
  mul: binary(0x7e, I64),
  divU: binary(0x80, I64),
  remU: binary(0x82, I64),
  and: binary(0x83, I64),
  or: binary(0x84, I64),
  xor: binary(0x85, I64),
  shl: binary(0x86, I64),
  shrS: binary(0x87, I64),
  shrU: binary(0x88, I64),
  /** Sign and zero extension of an i32. */
  extendS: unary(0xac, I32),
  extendU: unary(0xad, I32),
  load: load(0x29),
  store: store(0x37, I64),
};

export const get = (local: Local): Value => (out) => {
  out.bytes.push(0x20);
  writeUnsigned(out.bytes, local.index);
};
export const set = (local: Local, value: Operand): Statement => (out) => {
  put(out, value, local.type);
  out.bytes.push(0x21);
  writeUnsigned(out.bytes, local.index);
};
/** Sets the local and leaves the value. */
export const tee = (local: Local, value: Operand): Value => (out) => {
  put(out, value, local.type);
  out.bytes.push(0x22);
  writeUnsigned(out.bytes, local.index);
};
export const getGlobal = (global: Global): Value => (out) => {
  out.bytes.push(0x23);
  writeUnsigned(out.bytes, global.index);
};
export const setGlobal = (global: Global, value: Operand): Statement => (out) => {
  put(out, value, global.type);
  out.bytes.push(0x24);
  writeUnsigned(out.bytes, global.index);
};

/** Statements one after another. */
export const sequence = (...nodes: readonly Node[]): Node => (out) => {
  for (const node of nodes) node(out);
};

export const label = (name: string): Label => ({ name });

const structured = (opcode: number, target: Label | null, body: readonly Node[]): Statement => (out) => {
  out.bytes.push(opcode, 0x40);
  out.open(target);
  for (const node of body) node(out);
  out.close();
};
/** `br(target)` inside leaves it. */
export const block = (target: Label, ...body: readonly Node[]) => structured(0x02, target, body);
/** `br(target)` inside starts it again. */
export const loop = (target: Label, ...body: readonly Node[]) => structured(0x03, target, body);

export const when = (condition: Operand, then: readonly Node[], otherwise?: readonly Node[]): Statement => (out) => {
  put(out, condition, I32);
  out.bytes.push(0x04, 0x40);
  out.open(null);
  for (const node of then) node(out);
  if (otherwise) {
    out.bytes.push(0x05);
    for (const node of otherwise) node(out);
  }
  out.close();
};

/** condition ? a : b, both evaluated only when chosen. */
export const choose = (condition: Operand, a: Operand, b: Operand, type: ValueType = I32): Value => (out) => {
  put(out, condition, I32);
  out.bytes.push(0x04, type);
  out.open(null);
  put(out, a, type);
  out.bytes.push(0x05);
  put(out, b, type);
  out.close();
};

/** condition ? a : b without a branch; both are evaluated. */
export const select = (condition: Operand, a: Operand, b: Operand, type: ValueType = I32): Value => (out) => {
  put(out, a, type);
  put(out, b, type);
  put(out, condition, I32);
  out.bytes.push(0x1b);
};

export const br = (target: Label): Statement => (out) => {
  out.bytes.push(0x0c);
  writeUnsigned(out.bytes, out.depth(target));
};
export const brIf = (target: Label, condition: Operand): Statement => (out) => {
  put(out, condition, I32);
  out.bytes.push(0x0d);
  writeUnsigned(out.bytes, out.depth(target));
};

/** Runs `cases[index]`; a case that reaches its end leaves the switch. Indexes past the end run the last case. */
export const switchOn = (index: Operand, cases: readonly (readonly Node[])[]): Statement => (out) => {
  const end = label("switch");
  const starts = cases.map((_, at) => label(`case ${at}`));
  let inner: Node = (o) => {
    put(o, index, I32);
    o.bytes.push(0x0e);
    writeUnsigned(o.bytes, starts.length - 1);
    for (const start of starts) writeUnsigned(o.bytes, o.depth(start));
  };
  cases.forEach((body, at) => {
    inner = sequence(block(starts[at]!, inner), ...body, ...(at < cases.length - 1 ? [br(end)] : []));
  });
  block(end, inner)(out);
};

export const call = (callee: Callee, ...args: readonly Node[]): Node => (out) => {
  for (const arg of args) arg(out);
  out.bytes.push(0x10);
  writeUnsigned(out.bytes, callee.index);
};
/** Calls entry `index` of the table, which must be of the type (`ModuleBuilder.typeOf`). */
export const callIndirect = (type: number, index: Operand, ...args: readonly Node[]): Node => (out) => {
  for (const arg of args) arg(out);
  put(out, index, I32);
  out.bytes.push(0x11);
  writeUnsigned(out.bytes, type);
  out.bytes.push(0);
};
/** The same in place of this function: its result is this one's. */
export const returnCallIndirect = (type: number, index: Operand, ...args: readonly Node[]): Statement => (out) => {
  for (const arg of args) arg(out);
  put(out, index, I32);
  out.bytes.push(0x13);
  writeUnsigned(out.bytes, type);
  out.bytes.push(0);
};
export const drop = (value: Value): Statement => (out) => {
  value(out);
  out.bytes.push(0x1a);
};
/** Leaves the function; the result, if it has one, is `value`. */
export const ret = (value?: Value): Statement => (out) => {
  value?.(out);
  out.bytes.push(0x0f);
};
export const trap = (): Statement => (out) => {
  out.bytes.push(0x00);
};
/** memory.fill */
export const fill = (address: Operand, byte: Operand, length: Operand): Statement => (out) => {
  put(out, address, I32);
  put(out, byte, I32);
  put(out, length, I32);
  out.bytes.push(0xfc, 0x0b, 0x00);
};
