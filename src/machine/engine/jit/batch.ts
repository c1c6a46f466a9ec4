/** Several regions as one WebAssembly module: a module alone costs ten times as much a region (ENGINE.md). */
import { I32 } from "../../../isa/wasm/code.ts";
import { ModuleBuilder } from "../../../isa/wasm/module.ts";
import type { Tables } from "../tables.ts";
import { emitRegion } from "./emit-region.ts";
import type { CostModel } from "./op.ts";
import { regionSignature } from "./signature.ts";
import type { Structure } from "./structure.ts";

export interface BatchOptions extends CostModel {
  readonly tables: Tables;
  readonly ahead: boolean;
  /** Entries of the table that regions are called through. */
  readonly tableEntries: number;
}

export interface BatchItem {
  readonly structure: Structure;
  /** Address of the predecoded page. */
  readonly page: number;
}

/** The module's bytes; item i is exported as `r<i>`. */
export function buildBatch(options: BatchOptions, items: readonly BatchItem[]): Uint8Array<ArrayBuffer> {
  const { tables, timing, tableEntries } = options;
  const module = new ModuleBuilder({ module: "engine", name: "memory", pages: tables.wasmPages });
  module.importTable("engine", "regions", tableEntries);
  const reach = module.importFunction("engine", "reach", [I32, I32, I32, I32], [I32]);
  const { params, results } = regionSignature(timing);
  const target = { ...options, reach, regionType: module.typeOf(params, results) };
  const functions = items.map((_, index) => module.declare(`r${index}`, params, results, true));
  items.forEach((item, index) => {
    module.define(functions[index]!, (scope) => emitRegion(target, item.structure, item.page, scope));
  });
  return module.build();
}
