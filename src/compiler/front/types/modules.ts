/**
 * Loads modules and fills their name tables: one pass over the statements at module level, nothing is evaluated.
 *
 * Imports resolve relative to the importing file; a path that leaves the tree (a workload outside of the repository) is
 * found again by its part from `kernel/` on. Bodies are looked at only when something reaches them.
 */
import { tagsOf } from "../contract/tags.ts";
import type TS from "typescript";
import { closestName } from "../spelling.ts";
import { placeAt, type Diagnostics } from "../diagnostics.ts";
import type {
  AliasSymbol,
  ClassSymbol,
  Definition,
  Directives,
  FunctionSymbol,
  Module,
  ModuleSymbol,
} from "./symbols.ts";
import { ts } from "../typescript.ts";

/** Trees of the texts parsed last, by path: they are never changed, and builds in one process share most files. */
const parsed = new Map<string, TS.SourceFile>();

export function parse(path: string, text: string): TS.SourceFile {
  const known = parsed.get(path);
  if (known?.text === text) return known;
  const options = {
    languageVersion: ts.ScriptTarget.Latest,
    jsDocParsingMode: ts.JSDocParsingMode.ParseNone,
  };
  const source = ts.createSourceFile(path, text, options, true, ts.ScriptKind.TS);
  parsed.set(path, source);
  return source;
}

/** Of one file. */
const SYNTAX_ERRORS_MAX = 3;

export class Modules {
  readonly byPath = new Map<string, Module>();
  private readonly files: ReadonlyMap<string, string>;
  private readonly diagnostics: Diagnostics;
  /** Some module could not be parsed: there is no point in going on. */
  syntaxErrors = false;
  private symbolCount = 0;
  /** Imports have been checked: a broken one is known and silent from here on. */
  private checked = false;

  constructor(files: ReadonlyMap<string, string>, diagnostics: Diagnostics) {
    this.files = files;
    this.diagnostics = diagnostics;
  }

  get all(): Module[] {
    return [...this.byPath.values()];
  }

  has(path: string): boolean {
    return this.files.has(path);
  }

  /** The module, parsed with everything it imports; null when there is no such file. */
  load(path: string): Module | null {
    const known = this.byPath.get(path);
    if (known) return known;
    const text = this.files.get(path);
    if (text === undefined) return null;
    const source = parse(path, text);
    const module: Module = {
      path,
      index: this.byPath.size,
      source,
      domain: /(^|\/)firmware\//.test(path) ? "firmware" : "kernel",
      names: new Map(),
      identifierCounts: null,
    };
    this.byPath.set(path, module);
    if (this.reportSyntax(source)) return module;
    for (const statement of source.statements)
      this.diagnostics.guarded(() => this.declare(module, statement));
    return module;
  }

  /** Whether there are errors of syntax; the first few are reported, what follows them is seldom meant. */
  private reportSyntax(source: TS.SourceFile): boolean {
    const errors = (source as unknown as { parseDiagnostics: readonly TS.DiagnosticWithLocation[] })
      .parseDiagnostics;
    for (const error of errors.slice(0, SYNTAX_ERRORS_MAX)) {
      const message = `${ts.flattenDiagnosticMessageText(error.messageText, " ")} (K001)`;
      this.diagnostics.add(message, placeAt(source, error.start), "");
    }
    this.syntaxErrors ||= errors.length > 0;
    return errors.length > 0;
  }

  private add(module: Module, node: TS.Node, symbol: ModuleSymbol): void {
    if (module.names.has(symbol.name)) this.diagnostics.report(node, "K006", symbol.name);
    else module.names.set(symbol.name, symbol);
  }

  private declare(module: Module, s: TS.Statement): void {
    const exported = ts.canHaveModifiers(s) && hasModifier(s, ts.SyntaxKind.ExportKeyword);
    if (ts.canHaveModifiers(s) && hasModifier(s, ts.SyntaxKind.DeclareKeyword)) {
      this.diagnostics.fail(
        s,
        "K101",
        "`declare`",
        "import the name from the module that defines it",
      );
    }
    if (ts.isImportDeclaration(s)) this.import(module, s);
    else if (ts.isClassDeclaration(s))
      this.add(module, s.name ?? s, this.classSymbol(module, s, exported));
    else if (ts.isFunctionDeclaration(s)) {
      if (!s.name || !s.body) this.diagnostics.fail(s, "K005", "a function without a name or body");
      this.add(module, s.name, this.functionSymbol(module, s, s.body, s.name.text, null, exported));
    } else if (ts.isTypeAliasDeclaration(s))
      this.add(module, s.name, aliasSymbol(module, s, exported));
    else if (ts.isEnumDeclaration(s)) {
      if (!hasModifier(s, ts.SyntaxKind.ConstKeyword))
        this.diagnostics.report(s, "K103", s.name.text);
      this.add(module, s.name, {
        kind: "enum",
        name: s.name.text,
        node: s,
        module,
        exported,
        values: null,
      });
    } else if (ts.isVariableStatement(s)) this.variables(module, s, exported);
    else if (ts.isInterfaceDeclaration(s)) {
      this.diagnostics.fail(s, "K101", "interface", "write a class: it has a layout");
    } else if (ts.isExportDeclaration(s)) this.reexport(module, s);
    else if (s.kind !== ts.SyntaxKind.EmptyStatement) {
      this.diagnostics.fail(s, "K005", "this statement");
    }
  }

  private variables(module: Module, s: TS.VariableStatement, exported: boolean): void {
    const isConst = (s.declarationList.flags & ts.NodeFlags.Const) !== 0;
    for (const node of s.declarationList.declarations) {
      if (!ts.isIdentifier(node.name)) this.diagnostics.fail(node.name, "K104");
      const name = node.name.text;
      this.add(module, node.name, {
        kind: "static",
        name,
        node,
        module,
        isConst,
        exported,
        value: null,
        storage: null,
      });
    }
  }

  private import(module: Module, s: TS.ImportDeclaration): void {
    if (!ts.isStringLiteral(s.moduleSpecifier)) this.diagnostics.fail(s, "K004", "./file.ts");
    const from = s.moduleSpecifier.text;
    const bindings = s.importClause?.namedBindings;
    if (!bindings || !ts.isNamedImports(bindings) || s.importClause?.name)
      this.diagnostics.fail(s, "K004", from);
    if (from === "config") {
      for (const e of bindings.elements) this.add(module, e, { kind: "config", name: e.name.text });
      return;
    }
    const target = this.load(this.resolve(module.path, from));
    if (!target) {
      for (const e of bindings.elements)
        this.add(module, e.name, { kind: "broken", name: e.name.text });
      this.diagnostics.fail(s.moduleSpecifier, "K002", from);
    }
    for (const e of bindings.elements) {
      if (e.propertyName)
        this.diagnostics.fail(e, "K101", "`import { a as b }`", "import the name as it is");
      this.add(module, e.name, {
        kind: "import",
        name: e.name.text,
        from: target,
        exported: false,
      });
    }
  }

  /** `export { a } from "./b.ts"`: a name that importers find here. */
  private reexport(module: Module, s: TS.ExportDeclaration): void {
    const from = s.moduleSpecifier;
    if (
      !from ||
      !ts.isStringLiteral(from) ||
      !s.exportClause ||
      !ts.isNamedExports(s.exportClause)
    ) {
      this.diagnostics.fail(s, "K101", "this `export`", "write `export` before the declaration");
    }
    const target = this.load(this.resolve(module.path, from.text));
    if (!target) this.diagnostics.fail(from, "K002", from.text);
    for (const e of s.exportClause.elements) {
      const { text: name } = e.name;
      if (e.propertyName) this.diagnostics.fail(e, "K101", "`a as b`", "export the name as it is");
      if (module.names.has(name)) continue;
      this.add(module, e.name, { kind: "import", name, from: target, exported: false });
    }
  }

  private resolve(importer: string, specifier: string): string {
    const parts = specifier.startsWith(".") ? importer.split("/").slice(0, -1) : [];
    for (const part of specifier.split("/")) {
      if (part === "..") {
        if (parts.length && parts.at(-1) !== "..") parts.pop();
        else parts.push("..");
      } else if (part !== "." && part !== "") parts.push(part);
    }
    const path = parts.join("/");
    if (this.files.has(path)) return path;
    const at = parts.lastIndexOf("kernel");
    return at > 0 ? parts.slice(at).join("/") : path;
  }

  private classSymbol(module: Module, node: TS.ClassDeclaration, exported: boolean): ClassSymbol {
    if (!node.name) this.diagnostics.fail(node, "K005", "a class without a name");
    if (node.heritageClauses?.length) this.diagnostics.report(node.heritageClauses[0]!, "K109");
    const cls: ClassSymbol = {
      kind: "class",
      id: this.symbolCount++,
      name: node.name.text,
      node,
      module,
      exported,
      typeParams: typeParamNames(node),
      methods: new Map(),
      layout: null,
    };
    for (const member of node.members) {
      if (ts.isAccessor(member)) this.diagnostics.report(member, "K108");
      if (!ts.isMethodDeclaration(member)) continue;
      const name = member.name.getText();
      if (hasModifier(member, ts.SyntaxKind.StaticKeyword)) {
        this.diagnostics.report(member, "K101", "a static method", "write a top-level function");
      }
      if (!member.body) this.diagnostics.fail(member, "K005", "a method without a body");
      cls.methods.set(
        name,
        this.functionSymbol(module, member, member.body, `${cls.name}.${symbolName(name)}`, cls, exported),
      );
    }
    return cls;
  }

  private functionSymbol(
    module: Module,
    node: TS.FunctionDeclaration | TS.MethodDeclaration,
    body: TS.Block,
    name: string,
    owner: ClassSymbol | null,
    exported: boolean,
  ): FunctionSymbol {
    if (hasModifier(node, ts.SyntaxKind.AsyncKeyword))
      this.diagnostics.report(node, "K101", "async", "use kthreads and wait queues");
    const tags = tagsOf(node, module.source);
    if (tags.unknown !== null) this.diagnostics.report(node.name ?? node, "K127", name, tags.unknown);
    return {
      kind: "function",
      id: this.symbolCount++,
      name,
      node,
      body,
      module,
      owner,
      exported,
      generator: node.asteriskToken !== undefined,
      typeParams: typeParamNames(node),
      directives: directivesOf(body),
      tags,
      addressed: null,
      size: -1,
    };
  }

  /** What a name means in a module, imports followed; null when it means nothing. */
  lookup(module: Module, name: string): Definition | null {
    let symbol = module.names.get(name);
    while (symbol?.kind === "import") {
      const target: ModuleSymbol | undefined = symbol.from.names.get(symbol.name);
      const found =
        target && (!("exported" in target) || target.kind === "import" || target.exported);
      if (!found) return { kind: "broken", name };
      symbol = target;
    }
    if (symbol?.kind === "broken" && this.checked) this.diagnostics.stop();
    return symbol ?? null;
  }

  /** What some module exports under a name, or null. */
  exported(name: string): ModuleSymbol | null {
    for (const module of this.all) {
      const symbol = module.names.get(name);
      if (symbol && "exported" in symbol && symbol.exported) return symbol;
    }
    return null;
  }

  /** Reports imports that name nothing; once, when all modules are loaded. */
  checkImports(): void {
    for (const module of this.all) {
      for (const s of module.source.statements) {
        if (!ts.isImportDeclaration(s)) continue;
        const bindings = s.importClause?.namedBindings;
        if (!bindings || !ts.isNamedImports(bindings)) continue;
        for (const e of bindings.elements) {
          const symbol = module.names.get(e.name.text);
          if (symbol?.kind !== "import" || this.lookup(module, e.name.text)?.kind !== "broken")
            continue;
          module.names.set(e.name.text, { kind: "broken", name: e.name.text });
          const meant = closestName(e.name.text, exportsOf(symbol.from));
          const hint =
            meant === null ? "add `export` there, or drop the import" : `did you mean ${meant}?`;
          this.diagnostics.report(e, "K003", symbol.from.path, e.name.text, hint);
        }
      }
    }
    this.checked = true;
  }
}

/** `[Symbol.dispose]` as symbol tables and backtraces show it. */
const symbolName = (method: string): string => method.replace(/^\[Symbol\.(\w+)\]$/, "$1");

function exportsOf(module: Module): string[] {
  return [...module.names.values()].filter((s) => "exported" in s && s.exported).map((s) => s.name);
}

export function hasModifier(node: TS.Node, kind: TS.SyntaxKind): boolean {
  return (
    ts.canHaveModifiers(node) && (ts.getModifiers(node)?.some((m) => m.kind === kind) ?? false)
  );
}

function typeParamNames(node: {
  readonly typeParameters?: TS.NodeArray<TS.TypeParameterDeclaration>;
}): string[] {
  return node.typeParameters?.map((p) => p.name.text) ?? [];
}

function aliasSymbol(
  module: Module,
  node: TS.TypeAliasDeclaration,
  exported: boolean,
): AliasSymbol {
  return {
    kind: "alias",
    name: node.name.text,
    node,
    module,
    exported,
    typeParams: typeParamNames(node),
  };
}

/** The strings at the start of a body. */
function directivesOf(body: TS.Block): Directives {
  const found = {
    inline: false,
    noinline: false,
    naked: false,
    interrupt: null as Directives["interrupt"],
    section: null as string | null,
  };
  for (const s of body.statements) {
    if (!ts.isExpressionStatement(s) || !ts.isStringLiteral(s.expression)) break;
    const text = s.expression.text;
    if (text === "inline" || text === "noinline" || text === "naked") found[text] = true;
    else if (text === "interrupt") found.interrupt = "sret";
    else if (text === "interrupt machine") found.interrupt = "mret";
    else if (text.startsWith("section ")) found.section = text.slice("section ".length).trim();
  }
  return found;
}
