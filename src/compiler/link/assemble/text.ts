/**
 * The parser of textual assembly: naked functions and `asm` templates.
 *
 * A line holds any number of `label:`, then one instruction, pseudo-instruction or directive; `;`
 * separates statements, `#` and `//` start a comment. `1:` is a numeric label (`1b` the last, `1f`
 * the next one); other labels belong to this function, unless `.globl` shows them to all.
 * Directives: .word .half .byte .align .p2align .balign .space .zero .ascii .asciz .globl .equ;
 * .option is ignored. As in GNU as, `la` and `lla` are relative to the program counter, and
 * `%hi`/`%lo` are absolute.
 */
import type { CodeBuilder } from "./builder.ts";
import { numberExpression, parseExpression, SyntaxProblem } from "./expression.ts";
import type { Expression } from "./expression.ts";
import type { Origin } from "./piece.ts";
import { expandPseudo } from "./pseudo.ts";
import { REGISTERS } from "./syntax.ts";

export interface SourceLine {
  readonly text: string;
  readonly origin: Origin;
}

interface Statement {
  readonly labels: readonly string[];
  readonly body: string;
  readonly origin: Origin;
}

const LABEL = /^\s*(\d+|[A-Za-z_.$][\w.$]*)\s*:/;
const NAMED = /^[A-Za-z_.$]/;

function withoutComment(line: string): string {
  const end = line.search(/#|\/\//);
  return (end < 0 ? line : line.slice(0, end)).replace(/\/\*.*?\*\//g, " ");
}

function splitStatements(lines: readonly SourceLine[]): Statement[] {
  const statements: Statement[] = [];
  for (const line of lines) {
    for (const piece of withoutComment(line.text).split(";")) {
      const labels: string[] = [];
      let body = piece;
      for (let m = LABEL.exec(body); m !== null; m = LABEL.exec(body)) {
        labels.push(m[1]);
        body = body.slice(m[0].length);
      }
      body = body.trim();
      if (labels.length > 0 || body !== "") statements.push({ labels, body, origin: line.origin });
    }
  }
  return statements;
}

/** Splits at commas outside parentheses and quotes. */
export function splitOperands(text: string): string[] {
  const operands: string[] = [];
  let depth = 0;
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const c = text[at];
    if (c === '"') quoted = !quoted;
    if (quoted) continue;
    if (c === "(") depth++;
    else if (c === ")") depth--;
    else if (c === "," && depth === 0) {
      operands.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  const last = text.slice(start).trim();
  if (last !== "" || operands.length > 0) operands.push(last);
  return operands;
}

/** Parses one text; named and numeric labels do not reach beyond it. */
export class TextAssembler {
  readonly builder: CodeBuilder;
  origin: Origin = { loc: 0, lineOffset: 0, text: null };
  private readonly named = new Map<string, number>();
  private readonly constants = new Map<string, Expression>();
  /**
   * Per numeric label: indices of the labels made for it, and how many of them have been placed.
   */
  private readonly numeric = new Map<
    string,
    { labels: number[]; placed: number; firstUse: Origin }
  >();

  constructor(builder: CodeBuilder) {
    this.builder = builder;
  }

  assemble(lines: readonly SourceLine[]): void {
    const statements = splitStatements(lines);
    for (const s of statements) {
      for (const label of s.labels) if (NAMED.test(label)) this.declare(label, s.origin);
    }
    for (const s of statements) {
      this.origin = s.origin;
      try {
        for (const label of s.labels) this.place(label);
        if (s.body !== "") this.statement(s.body);
      } catch (error) {
        if (!(error instanceof SyntaxProblem)) throw error;
        this.builder.problems.add(error.message, s.origin);
      }
    }
    for (const [name, n] of this.numeric) {
      if (n.labels.length > n.placed)
        this.builder.problems.add(`there is no label "${name}:" after "${name}f"`, n.firstUse);
    }
  }

  readonly names = (name: string): Expression => {
    const reference = /^(\d+)([fb])$/.exec(name);
    if (reference) return this.numericReference(reference[1], reference[2] === "f");
    const label = this.named.get(name);
    if (label !== undefined) return { kind: "label", label };
    return this.constants.get(name) ?? { kind: "symbol", name };
  };

  expression(text: string): Expression {
    return parseExpression(text, this.names);
  }

  /** The value of an expression that must not depend on addresses. */
  constant(text: string): number {
    const e = this.expression(text);
    if (e.kind !== "number") throw new SyntaxProblem(`"${text}" must be a constant`);
    return e.value;
  }

  register(text: string): number {
    const register = REGISTERS.get(text);
    if (register === undefined) throw new SyntaxProblem(`"${text}" is not a register`);
    return register;
  }

  private declare(label: string, origin: Origin): void {
    if (this.named.has(label))
      this.builder.problems.add(`the label "${label}" is defined twice`, origin);
    else this.named.set(label, this.builder.newLabel());
  }

  private place(label: string): void {
    const named = this.named.get(label);
    if (named !== undefined) {
      this.builder.placeLabel(named);
      return;
    }
    const n = this.numericLabel(label);
    if (n.placed === n.labels.length) n.labels.push(this.builder.newLabel());
    this.builder.placeLabel(n.labels[n.placed++]);
  }

  private numericLabel(digits: string): { labels: number[]; placed: number; firstUse: Origin } {
    let n = this.numeric.get(digits);
    if (!n) {
      n = { labels: [], placed: 0, firstUse: this.origin };
      this.numeric.set(digits, n);
    }
    return n;
  }

  private numericReference(digits: string, forward: boolean): Expression {
    const n = this.numericLabel(digits);
    if (!forward) {
      if (n.placed === 0)
        throw new SyntaxProblem(`there is no label "${digits}:" before "${digits}b"`);
      return { kind: "label", label: n.labels[n.placed - 1] };
    }
    if (n.placed === n.labels.length) {
      n.labels.push(this.builder.newLabel());
      n.firstUse = this.origin;
    }
    return { kind: "label", label: n.labels[n.placed] };
  }

  private statement(body: string): void {
    const space = body.search(/\s/);
    const word = space < 0 ? body : body.slice(0, space);
    const rest = space < 0 ? "" : body.slice(space);
    if (word.startsWith(".")) this.directive(word, rest.trim());
    else expandPseudo(this, word, splitOperands(rest));
  }

  private directive(name: string, rest: string): void {
    const operands = splitOperands(rest);
    const pieces = this.builder.pieces;
    switch (name) {
      case ".byte":
      case ".half":
      case ".word": {
        const width = name === ".byte" ? 1 : name === ".half" ? 2 : 4;
        pieces.push({
          kind: "data",
          width,
          values: operands.map((o) => this.expression(o)),
          origin: this.origin,
        });
        return;
      }
      case ".align":
      case ".p2align":
        this.align(2 ** (this.constant(rest) & 31));
        return;
      case ".balign":
        this.align(this.constant(rest));
        return;
      case ".space":
      case ".zero":
      case ".skip":
        pieces.push({
          kind: "space",
          count: this.constant(operands[0] ?? ""),
          fill: this.constant(operands[1] ?? "0"),
        });
        return;
      case ".ascii":
      case ".asciz":
      case ".string":
        this.string(rest, name !== ".ascii");
        return;
      case ".globl":
      case ".global": {
        for (const o of operands) {
          const label = this.named.get(o);
          if (label !== undefined) this.builder.globals.push({ name: o, label });
        }
        return;
      }
      case ".equ":
      case ".set":
        this.constants.set(operands[0], this.expression(operands[1] ?? ""));
        return;
      case ".option":
        return;
    }
    throw new SyntaxProblem(`unknown directive "${name}"`);
  }

  private align(alignment: number): void {
    if (alignment < 1 || alignment > 4096 || (alignment & (alignment - 1)) !== 0) {
      throw new SyntaxProblem(`an alignment must be a power of two up to 4096, not ${alignment}`);
    }
    this.builder.alignment = Math.max(this.builder.alignment, alignment);
    this.builder.pieces.push({ kind: "align", alignment });
  }

  private string(text: string, terminated: boolean): void {
    let value: unknown;
    try {
      value = JSON.parse(text.replaceAll("\\0", "\\u0000"));
    } catch {
      throw new SyntaxProblem(`${text} is not a quoted string`);
    }
    const bytes = [...new TextEncoder().encode(String(value)), ...(terminated ? [0] : [])];
    this.builder.pieces.push({
      kind: "data",
      width: 1,
      values: bytes.map(numberExpression),
      origin: this.origin,
    });
  }
}
