/** What a name at module level can stand for, and the modules themselves. */
import type TS from "typescript";
import type { Layout } from "./layout.ts";
import type { StaticValue } from "../constants/consteval.ts";
import type { Tags } from "../contract/tags.ts";
import type { Type } from "./types.ts";

/** Code under firmware/ runs on physical addresses, everything else on the kernel's. */
export type Domain = "firmware" | "kernel";

export interface Module {
  readonly path: string;
  readonly index: number;
  readonly source: TS.SourceFile;
  readonly domain: Domain;
  readonly names: Map<string, ModuleSymbol>;
  /** How often each identifier text occurs: tells functions with a single use. */
  identifierCounts: Map<string, number> | null;
}

export interface ClassSymbol {
  readonly kind: "class";
  readonly id: number;
  readonly name: string;
  readonly node: TS.ClassDeclaration;
  readonly module: Module;
  readonly exported: boolean;
  readonly typeParams: readonly string[];
  readonly methods: Map<string, FunctionSymbol>;
  /** "busy" while it is being computed: a class that embeds itself. */
  layout: Layout | "busy" | null;
}

export interface FunctionSymbol {
  readonly kind: "function";
  readonly id: number;
  /** `kmemleak_alloc`, or `Class.method`. */
  readonly name: string;
  readonly node: TS.FunctionDeclaration | TS.MethodDeclaration;
  readonly body: TS.Block;
  readonly module: Module;
  readonly owner: ClassSymbol | null;
  readonly exported: boolean;
  readonly generator: boolean;
  readonly typeParams: readonly string[];
  readonly directives: Directives;
  readonly tags: Tags;
  /** Locals whose address is taken; null until looked for. */
  addressed: ReadonlySet<string> | null;
  /** AST nodes of the body; -1 until counted. */
  size: number;
}

export interface Directives {
  readonly inline: boolean;
  readonly noinline: boolean;
  readonly naked: boolean;
  /** How a function that a trap enters goes back; null for others. */
  readonly interrupt: "sret" | "mret" | null;
  readonly section: string | null;
}

export interface StaticSymbol {
  readonly kind: "static";
  readonly name: string;
  readonly node: TS.VariableDeclaration;
  readonly module: Module;
  readonly isConst: boolean;
  readonly exported: boolean;
  /** The value of a `const` without storage; "busy" while it is being computed. */
  value: StaticValue | "busy" | null;
  /** Link name and type once its storage has been reached. */
  storage: { readonly symbol: string; readonly type: Type } | null;
}

export interface EnumSymbol {
  readonly kind: "enum";
  readonly name: string;
  readonly node: TS.EnumDeclaration;
  readonly module: Module;
  readonly exported: boolean;
  /** Filled member by member on first use. */
  values: Map<string, bigint> | null;
}

export interface AliasSymbol {
  readonly kind: "alias";
  readonly name: string;
  readonly node: TS.TypeAliasDeclaration;
  readonly module: Module;
  readonly exported: boolean;
  readonly typeParams: readonly string[];
}

/** `CONFIG` or one of the enums of the module "config". */
export interface ConfigSymbol {
  readonly kind: "config";
  readonly name: string;
}

/** An import that names nothing: reported once, where it is written. */
export interface BrokenSymbol {
  readonly kind: "broken";
  readonly name: string;
}

export interface ImportSymbol {
  readonly kind: "import";
  readonly name: string;
  readonly from: Module;
  readonly exported: false;
}

export type Definition =
  | ClassSymbol
  | FunctionSymbol
  | StaticSymbol
  | EnumSymbol
  | AliasSymbol
  | ConfigSymbol
  | BrokenSymbol;
export type ModuleSymbol = Definition | ImportSymbol;
