/**
 * Names to addresses. Link names are unique; assembly may also use a source name that only one
 * exported or one single symbol has. Duplicates and undefined names become problems that name the
 * symbol and the place.
 */
import type { DataObject, LocationId } from "../ir.ts";
import { forEachSymbol } from "./assemble/expression.ts";
import type { Expression } from "./assemble/expression.ts";
import type { Layout } from "./layout.ts";
import { originOf } from "./assemble/piece.ts";
import type { Code, Origin, ProblemSink } from "./assemble/piece.ts";

/** Anything whose address is settled by placement. */
export interface Definition {
  readonly address: number;
}

export interface SymbolTable {
  readonly find: (name: string) => Definition | undefined;
  /** Throws for a name that `checkReferences` did not see defined. */
  readonly address: (name: string) => number;
}

class Table implements SymbolTable {
  private readonly links = new Map<string, Definition>();
  /** Null: several. */
  private readonly sources = new Map<
    string,
    { definition: Definition; exported: boolean } | null
  >();

  define(name: string, definition: Definition, problems: ProblemSink, loc: LocationId): void {
    if (this.links.has(name)) problems.add(`the symbol "${name}" is defined twice`, originOf(loc));
    else this.links.set(name, definition);
  }

  nameSource(name: string, definition: Definition, exported: boolean): void {
    const before = this.sources.get(name);
    if (before === undefined || (before !== null && exported && !before.exported)) {
      this.sources.set(name, { definition, exported });
    } else if (before === null || exported === before.exported) {
      this.sources.set(name, null);
    }
  }

  readonly find = (name: string): Definition | undefined =>
    this.links.get(name) ?? this.sources.get(name)?.definition;

  readonly address = (name: string): number => {
    const definition = this.find(name);
    if (!definition) throw new Error(`link: undefined symbol ${name}`);
    return definition.address;
  };
}

export function buildSymbols(layout: Layout, problems: ProblemSink): SymbolTable {
  const table = new Table();
  for (const [name, edge] of layout.edges) table.define(name, edge, problems, 0);
  for (const section of layout.sections) {
    for (const code of section.codes) {
      table.define(code.symbol, code, problems, code.loc);
      table.nameSource(code.name, code, code.exported);
      for (const g of code.globals) {
        const definition = {
          get address() {
            return code.address + code.labelOffsets[g.label];
          },
        };
        table.define(g.name, definition, problems, code.loc);
      }
    }
    for (const placed of section.data) {
      table.define(placed.object.symbol, placed, problems, placed.object.loc);
      table.nameSource(placed.object.name, placed, false);
    }
  }
  return table;
}

/** Calls `see` for each symbol that a piece, relocation or expression names. */
export function forEachReference(
  codes: readonly Code[],
  data: readonly DataObject[],
  see: (name: string, origin: Origin) => void,
): void {
  const inExpression = (e: Expression, origin: Origin) =>
    forEachSymbol(e, (name) => see(name, origin));
  for (const code of codes) {
    for (const piece of code.pieces) {
      if (piece.kind === "insn") inExpression(piece.imm, piece.origin);
      else if (piece.kind === "branch" || piece.kind === "jump")
        inExpression(piece.target, piece.origin);
      else if (piece.kind === "data")
        for (const value of piece.values) inExpression(value, piece.origin);
    }
  }
  for (const object of data)
    for (const r of object.relocations) see(r.symbol, originOf(object.loc));
}

/** One problem for each undefined symbol, at its first use. */
export function checkReferences(
  codes: readonly Code[],
  data: readonly DataObject[],
  symbols: SymbolTable,
  problems: ProblemSink,
): void {
  const reported = new Set<string>();
  forEachReference(codes, data, (name, origin) => {
    if (symbols.find(name) || reported.has(name)) return;
    reported.add(name);
    problems.add(`undefined symbol "${name}"`, origin);
  });
}
