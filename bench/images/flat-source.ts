/**
 * Writes the guest `flat`: 2400 functions that call each other in no pattern, several hundred KiB of code without locality.
 *
 * A function works on its two arguments, two locals and a table of 64 KiB; it calls only functions well behind it, so
 * every run ends. The text is a function of SEED alone; it is compiled from memory and never kept.
 */

const SEED = 7;
export const FLAT_FUNCTIONS = 2400;
/** A function calls another that is this much further on. */
const CALL_NEAR = 20;
const CALL_FAR = 600;
const TABLE_MASK = 16_383;
const VARIABLES = ["a", "b", "c", "d"] as const;
/** Entries of the function table that one function of the guest fills. */
const FILL = 100;

/** Draws numbers; xorshift32. Knows how many functions there are to be. */
class Dice {
  private state = SEED;
  readonly functions: number;

  constructor(functions: number) {
    this.functions = functions;
  }

  /** 0 .. below - 1. */
  below(below: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % below;
  }

  percent(): number {
    return this.below(1000) / 10;
  }

  of<T>(all: readonly T[]): T {
    return all[this.below(all.length)]!;
  }
}

function expression(dice: Dice, depth = 0): string {
  const draw = dice.percent();
  if (depth > 2 || draw < 25) return dice.of(VARIABLES);
  if (draw < 35) return String(1 + dice.below(2000));
  const sub = () => expression(dice, depth + 1);
  if (draw < 55) return `table[(${sub()}) & ${TABLE_MASK}]`;
  if (dice.percent() < 15) return `(${dice.of(VARIABLES)} >>> ${1 + dice.below(14)})`;
  // A left operand that is a constant alone would have no type.
  return `(${dice.of(VARIABLES)} ${dice.of(["+", "-", "^", "&", "|", "+", "+", "*"])} ${sub()})`;
}

function condition(dice: Dice): string {
  return `((${dice.of(VARIABLES)} ^ ${expression(dice, 1)}) & ${dice.of([1, 2, 4, 8, 16])}) !== 0`;
}

/** One statement of function number `at`, nested `depth` deep. */
function statement(dice: Dice, at: number, depth = 0): string {
  const draw = dice.percent();
  const nested = () => statement(dice, at, depth + 1);
  if (draw < 45) return `${dice.of(VARIABLES)} = ${expression(dice)};`;
  if (draw < 60) return `table[(${expression(dice, 1)}) & ${TABLE_MASK}] = ${expression(dice, 1)};`;
  if (draw < 85 && depth < 2) return `if (${condition(dice)}) { ${nested()} ${nested()} } else { ${nested()} }`;
  if (draw < 92 && depth < 1) return `for (let k: u32 = 0; k < (a & 7) + 1; k++) { ${nested()} }`;
  const last = Math.min(dice.functions, at + CALL_FAR);
  if (at + 2 * CALL_NEAR < dice.functions && depth < 2) {
    const callee = at + CALL_NEAR + dice.below(last - at - CALL_NEAR);
    return `${dice.of(VARIABLES)} += f${callee}(${dice.of(VARIABLES)}, ${dice.of(VARIABLES)});`;
  }
  return `${dice.of(VARIABLES)} ^= ${expression(dice)};`;
}

function functionText(dice: Dice, at: number): string {
  const body = Array.from({ length: 3 + dice.below(6) }, () => `  ${statement(dice, at)}`);
  return [
    `function f${at}(x: u32, y: u32): u32 {`,
    `  "noinline";`,
    `  let a = x; let b = y; let c = a ^ b; let d = a + ${at};`,
    ...body,
    "  return a + b + c + d;",
    "}",
  ].join("\n");
}

function fillText(from: number): string {
  const entries = Array.from({ length: FILL }, (_, i) => `  functions[${from + i}] = f${from + i};`);
  return [`function fill${from}(): void {`, `  "noinline";`, ...entries, "}"].join("\n");
}

/** The text of the module `flat.ts`; `functions` is a multiple of 100. */
export function flatSource(functions = FLAT_FUNCTIONS): string {
  const dice = new Dice(functions);
  const fills = Array.from({ length: functions / FILL }, (_, i) => i * FILL);
  return [
    `// Made by bench/images/flat-source.ts.`,
    `import { finish_with } from "./report.ts";`,
    `import { ROUNDS } from "./settings.ts";`,
    `import { xorshift } from "./xorshift.ts";`,
    `const table = new FixedArray<u32>(${TABLE_MASK + 1});`,
    `const functions = new FixedArray<(x: u32, y: u32) => u32>(${functions});`,
    ...Array.from({ length: functions }, (_, at) => functionText(dice, at)),
    ...fills.map(fillText),
    `export function guest_main(_hart: u32): void {`,
    ...fills.map((from) => `  fill${from}();`),
    `  let random: u32 = 77;`,
    `  for (let i: u32 = 0; i <= ${TABLE_MASK}; i++) { random = xorshift(random); table[i] = random; }`,
    `  let sum: u32 = 0;`,
    `  for (let round: u32 = 0; round < ROUNDS; round++) {`,
    `    random = xorshift(random);`,
    `    let at = random % ${functions};`,
    `    if ((random & 0x10_0000) !== 0) at = (at * at) / ${functions};`,
    `    sum = functions[at](sum, random);`,
    `  }`,
    `  finish_with(sum);`,
    `}`,
    "",
  ].join("\n");
}
