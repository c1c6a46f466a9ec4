/**
 * One compilation: what all parts share, and the work list of functions and statics that something reached.
 *
 * Link names: an exported name keeps its name; a private one gets a number behind it when the name is taken or exported
 * elsewhere. Everything is numbered in the order in which it is reached, which depends on the sources only.
 */
import type TS from "typescript";
import type { StructInfo } from "../../base/hartlab-section.ts";
import type { DataObject, IrFunction, Location, LocationId, NakedFunction } from "../ir.ts";
import type { Config } from "./config.ts";
import { CallGraph } from "./contract/sleep.ts";
import type { Diagnostics } from "./diagnostics.ts";
import type { Modules } from "./types/modules.ts";
import type { Operand } from "./lower/operand.ts";
import type {
  AliasSymbol,
  ClassSymbol,
  Domain,
  FunctionSymbol,
  StaticSymbol,
} from "./types/symbols.ts";
import type { ClassType, Type } from "./types/types.ts";

/** A function to compile: a declaration with its compile-time arguments. */
export interface Instance {
  readonly fn: FunctionSymbol;
  readonly symbol: string;
  readonly domain: Domain;
  readonly typeArgs: ReadonlyMap<string, Type>;
  /** Per parameter: the class or field name that it is bound to, an object of no bytes (isNothing), or null: it is passed. */
  readonly bound: readonly (Operand | null)[];
  readonly thisType: ClassType | null;
}

export interface PendingStatic {
  readonly symbol: StaticSymbol;
  readonly name: string;
  readonly type: Type;
}

/** Where a value of the source stands while it is lowered: see `locate`. */
export interface LocationScope {
  readonly module: { readonly source: TS.SourceFile };
  readonly functionName: string;
  readonly inlinedAt: LocationId;
  /** By `pos` of a node. */
  readonly locations: Map<number, LocationId>;
}

/** Letters in the name of an instance; only types that grow without end reach this. */
const INSTANCE_KEY_MAX = 2000;

export class Unit {
  readonly diagnostics: Diagnostics;
  readonly modules: Modules;
  readonly config: Config;
  /** Every variable of scalar type has a place on the frame, so that a debugger always finds it. */
  readonly debug: boolean;
  /** Whether functions that do not say "inline" may be lowered in place of a call. */
  readonly inlines: boolean;
  /** Whether loops test their condition at the end. */
  readonly rotates: boolean;

  readonly locations: Location[] = [
    { file: "", line: 0, column: 0, functionName: "", inlinedAt: 0 },
  ];
  readonly functions: IrFunction[] = [];
  readonly naked: NakedFunction[] = [];
  readonly data: DataObject[] = [];
  readonly structs = new Map<string, StructInfo>();

  /** Direct calls, for @atomic and @may_sleep. */
  readonly callGraph = new CallGraph();
  /** Aliases whose type is being found. */
  readonly openAliases = new Set<AliasSymbol>();
  readonly pendingFunctions: Instance[] = [];
  readonly pendingStatics: PendingStatic[] = [];
  private readonly instances = new Map<string, Instance>();
  private readonly strings = new Map<string, string>();
  /** Place of a node by its file and `pos`. */
  private readonly places = new Map<TS.SourceFile, Map<number, TS.LineAndCharacter>>();
  private readonly takenNames = new Set<string>();
  private exportedNames: Set<string> | null = null;

  constructor(diagnostics: Diagnostics, modules: Modules, config: Config, debug = false, disable: readonly string[] = []) {
    this.diagnostics = diagnostics;
    this.modules = modules;
    this.config = config;
    this.debug = debug;
    this.inlines = !debug && !disable.includes("inline");
    this.rotates = !disable.includes("rotate");
  }

  linkName(name: string, exported: boolean): string {
    this.exportedNames ??= exportedNamesOf(this.modules);
    let result = name;
    let n = 0;
    while (this.takenNames.has(result) || (!exported && this.exportedNames.has(result)))
      result = `${name}.${++n}`;
    this.takenNames.add(result);
    return result;
  }

  /** The instance of a function for these compile-time arguments; compiled once, if ever. */
  instance(
    fn: FunctionSymbol,
    domain: Domain,
    typeArgs: ReadonlyMap<string, Type>,
    bound: readonly (Operand | null)[],
    thisType: ClassType | null,
  ): Instance {
    const key = [
      fn.id,
      domain,
      ...[...typeArgs].map(([n, t]) => `${n}=${t.key}`),
      thisType?.key ?? "",
      ...bound.map((b) => (b ? (b.cls ? `#${b.cls.id}` : (b.text ?? "-")) : "")),
    ].join("|");
    let instance = this.instances.get(key);
    if (!instance) {
      if (key.length > INSTANCE_KEY_MAX) this.diagnostics.fail(fn.node, "K093", fn.name);
      instance = {
        fn,
        symbol: this.linkName(fn.name, fn.exported),
        domain,
        typeArgs,
        bound,
        thisType,
      };
      this.instances.set(key, instance);
      this.pendingFunctions.push(instance);
    }
    return instance;
  }

  /** Address of a NUL-terminated string. */
  string(text: string, domain: Domain): string {
    const key = `${domain}:${text}`;
    let symbol = this.strings.get(key);
    if (symbol === undefined) {
      symbol = `str.${this.strings.size}`;
      this.strings.set(key, symbol);
      const bytes = utf8(text);
      this.data.push({
        symbol,
        name: symbol,
        section: domain === "firmware" ? ".fw.rodata" : ".rodata",
        align: 1,
        size: bytes.length,
        bytes,
        relocations: [],
        type: "string",
        loc: 0,
      });
    }
    return symbol;
  }

  /** The location of a node within an activation; created once. */
  locate(node: TS.Node, scope: LocationScope): LocationId {
    // Nodes that begin with the same token have one `pos`, and one place.
    let id = scope.locations.get(node.pos);
    if (id === undefined) {
      const { source } = scope.module;
      const { line, character } = this.placeOf(node, source);
      id = this.locations.length;
      this.locations.push({
        file: source.fileName,
        line: line + 1,
        column: character + 1,
        functionName: scope.functionName,
        inlinedAt: scope.inlinedAt,
      });
      scope.locations.set(node.pos, id);
    }
    return id;
  }

  /** Counted from 0; found once for all activations. */
  private placeOf(node: TS.Node, source: TS.SourceFile): TS.LineAndCharacter {
    let places = this.places.get(source);
    if (!places) this.places.set(source, (places = new Map()));
    let place = places.get(node.pos);
    if (!place) {
      place = source.getLineAndCharacterOfPosition(node.getStart(source));
      places.set(node.pos, place);
    }
    return place;
  }

  /** The location of a declaration. */
  locateDeclaration(
    node: TS.Node,
    name: string,
    owner: { readonly source: TS.SourceFile },
  ): LocationId {
    return this.locate(node, {
      module: owner,
      functionName: name,
      inlinedAt: 0,
      locations: new Map(),
    });
  }
}

function exportedNamesOf(modules: Modules): Set<string> {
  const names = new Set<string>();
  for (const module of modules.all) {
    for (const symbol of module.names.values()) {
      if ((symbol.kind === "function" || symbol.kind === "static") && symbol.exported)
        names.add(symbol.name);
      if (symbol.kind === "class") addMethods(names, symbol);
    }
  }
  return names;
}

function addMethods(names: Set<string>, cls: ClassSymbol): void {
  if (cls.exported) for (const method of cls.methods.values()) names.add(method.name);
}

function utf8(text: string): Uint8Array {
  const body = new TextEncoder().encode(text);
  const bytes = new Uint8Array(body.length + 1);
  bytes.set(body);
  return bytes;
}
