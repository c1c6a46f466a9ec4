/**
 * Operand expressions of textual assembly: constants, symbols and labels, joined by C's operators
 * with C's precedence (`* / %`, `+ -`, `<< >>`, `&`, `^`, `|`), prefix `- ~ +`, parentheses, `.`
 * for the address of the instruction itself, and `%hi(...)` / `%lo(...)`. All arithmetic is modulo
 * 2^32. Numbers are decimal, 0x, 0b or a quoted character.
 */

export type BinaryOperator = "+" | "-" | "*" | "/" | "%" | "<<" | ">>" | "&" | "^" | "|";

export type Expression =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "symbol"; readonly name: string }
  /** Index of a label of the same function. */
  | { readonly kind: "label"; readonly label: number }
  | { readonly kind: "here" }
  | {
      readonly kind: "binary";
      readonly op: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: "part"; readonly part: "hi" | "lo" | "percpu"; readonly of: Expression };

/** What names mean at one place of a function. */
export interface Scope {
  readonly symbol: (name: string) => number;
  readonly label: (label: number) => number;
  readonly here: number;
  readonly perCpuStart: number;
}

export function numberExpression(value: number): Expression {
  return { kind: "number", value: value | 0 };
}

/** The upper part that `lui` takes so that adding the signed `lowPart` gives `value` again. */
export function highPart(value: number): number {
  return ((value + 0x800) & 0xfffff000) | 0;
}

export function lowPart(value: number): number {
  return (value << 20) >> 20;
}

function apply(op: BinaryOperator, a: number, b: number): number {
  switch (op) {
    case "+":
      return (a + b) | 0;
    case "-":
      return (a - b) | 0;
    case "*":
      return Math.imul(a, b);
    case "/":
      return b === 0 ? 0 : (a / b) | 0;
    case "%":
      return b === 0 ? 0 : (a % b) | 0;
    case "<<":
      return a << b;
    case ">>":
      return (a >>> b) | 0;
    case "&":
      return a & b;
    case "^":
      return a ^ b;
    case "|":
      return a | b;
  }
}

/** The signed 32-bit value. */
export function evaluate(e: Expression, scope: Scope): number {
  switch (e.kind) {
    case "number":
      return e.value;
    case "symbol":
      return scope.symbol(e.name) | 0;
    case "label":
      return scope.label(e.label) | 0;
    case "here":
      return scope.here | 0;
    case "binary":
      return apply(e.op, evaluate(e.left, scope), evaluate(e.right, scope));
    case "part": {
      const value = evaluate(e.of, scope);
      if (e.part === "hi") return highPart(value);
      return e.part === "lo" ? lowPart(value) : (value - scope.perCpuStart) | 0;
    }
  }
}

/** Joins two expressions, at once when both are numbers. */
export function binary(op: BinaryOperator, left: Expression, right: Expression): Expression {
  if (left.kind === "number" && right.kind === "number") {
    return numberExpression(apply(op, left.value, right.value));
  }
  if ((op === "+" || op === "-") && right.kind === "number" && right.value === 0) return left;
  return { kind: "binary", op, left, right };
}

export function part(which: "hi" | "lo" | "percpu", of: Expression): Expression {
  if (of.kind === "number" && which !== "percpu") {
    return numberExpression(which === "hi" ? highPart(of.value) : lowPart(of.value));
  }
  return { kind: "part", part: which, of };
}

/** Calls `see` for every symbol in `e`. */
export function forEachSymbol(e: Expression, see: (name: string) => void): void {
  if (e.kind === "symbol") see(e.name);
  else if (e.kind === "part") forEachSymbol(e.of, see);
  else if (e.kind === "binary") {
    forEachSymbol(e.left, see);
    forEachSymbol(e.right, see);
  }
}

/** Turns a name or a numeric label reference such as `1b` into an expression. */
export type Names = (name: string) => Expression;

/** Thrown inside the assembler's parser only, and turned into a Problem there. */
export class SyntaxProblem extends Error {}

const TOKEN =
  /\s*(?:(0[xX][0-9a-fA-F]+|0[bB][01]+)|(\d+[fb](?![\w.$]))|(\d+)(?![\w.$])|'(\\?.)'|("[^"]+"|[A-Za-z_.$][\w.$]*)|%(hi|lo|percpu)\b|(<<|>>|[-+*/%&^|~()]))/y;
const LEVELS: readonly (readonly BinaryOperator[])[] = [
  ["|"],
  ["^"],
  ["&"],
  ["<<", ">>"],
  ["+", "-"],
  ["*", "/", "%"],
];
const ESCAPES: Readonly<Record<string, number>> = { "\\n": 10, "\\r": 13, "\\t": 9, "\\0": 0 };

interface Token {
  readonly kind: "number" | "name" | "part" | "punctuation";
  readonly text: string;
  readonly value: number;
}

function tokenOf(m: RegExpExecArray): Token {
  if (m[1] !== undefined || m[3] !== undefined) {
    const value = Number(m[1] ?? m[3]);
    if (value > 0xffffffff)
      throw new SyntaxProblem(`the number ${m[1] ?? m[3]} does not fit 32 bits`);
    return { kind: "number", text: m[0], value: value | 0 };
  }
  if (m[4] !== undefined)
    return { kind: "number", text: m[0], value: ESCAPES[m[4]] ?? m[4].charCodeAt(m[4].length - 1) };
  if (m[6] !== undefined) return { kind: "part", text: m[6], value: 0 };
  const name = m[2] ?? m[5];
  if (name !== undefined) return { kind: "name", text: name.replaceAll('"', ""), value: 0 };
  return { kind: "punctuation", text: m[7], value: 0 };
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const source = text.trimEnd();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (match === null)
      throw new SyntaxProblem(`cannot read "${source.slice(at).trim()}" as an expression`);
    tokens.push(tokenOf(match));
  }
  return tokens;
}

class ExpressionParser {
  private at = 0;
  private readonly tokens: readonly Token[];
  private readonly names: Names;

  constructor(text: string, names: Names) {
    this.tokens = tokenize(text);
    this.names = names;
    if (this.tokens.length === 0) throw new SyntaxProblem("an operand is missing");
  }

  whole(): Expression {
    const e = this.level(0);
    const rest = this.tokens[this.at];
    if (rest) throw new SyntaxProblem(`"${rest.text}" is not expected here`);
    return e;
  }

  private level(depth: number): Expression {
    if (depth === LEVELS.length) return this.primary();
    let left = this.level(depth + 1);
    for (;;) {
      const op = this.tokens[this.at]?.text as BinaryOperator | undefined;
      if (
        op === undefined ||
        this.tokens[this.at].kind !== "punctuation" ||
        !LEVELS[depth].includes(op)
      )
        return left;
      this.at++;
      left = binary(op, left, this.level(depth + 1));
    }
  }

  private primary(): Expression {
    const token = this.tokens[this.at++];
    if (!token) throw new SyntaxProblem("the expression ends too early");
    if (token.kind === "number") return numberExpression(token.value);
    if (token.kind === "name")
      return token.text === "." ? { kind: "here" } : this.names(token.text);
    if (token.kind === "part") {
      this.expect("(");
      const inner = this.level(0);
      this.expect(")");
      return part(token.text as "hi" | "lo" | "percpu", inner);
    }
    switch (token.text) {
      case "-":
        return binary("-", numberExpression(0), this.primary());
      case "+":
        return this.primary();
      case "~":
        return binary("^", this.primary(), numberExpression(-1));
      case "(": {
        const inner = this.level(0);
        this.expect(")");
        return inner;
      }
    }
    throw new SyntaxProblem(`"${token.text}" is not expected here`);
  }

  private expect(text: string): void {
    if (this.tokens[this.at++]?.text !== text) throw new SyntaxProblem(`"${text}" is missing`);
  }
}

/** Throws SyntaxProblem. */
export function parseExpression(text: string, names: Names): Expression {
  return new ExpressionParser(text, names).whole();
}
