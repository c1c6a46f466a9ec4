/**
 * The image after placement: everything has its address. Debug sections, symbols and listings are
 * made from this.
 */
import type { IrUnit } from "../ir.ts";
import type { Layout } from "./layout.ts";
import type { SymbolTable } from "./symbols.ts";

export interface Linked {
  readonly unit: IrUnit;
  readonly layout: Layout;
  readonly symbols: SymbolTable;
}
