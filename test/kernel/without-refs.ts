/**
 * The kernel's sources as they would be if references had no identities (mm_ref): what a kernel with mm_ref.design=off is compared with.
 *
 * Removed are the modules that make identities, every import of them, parameters and arguments of type mm_ref, fields and locals that are
 * one, and every statement that names something of those modules. Blanks take the place of what is removed, so that lines and columns stay.
 */
import { createRequire } from "node:module";
import type TS from "typescript";

const ts: typeof TS = createRequire(import.meta.url)("typescript");
const MODULES = /^kernel\/mm\/(mm_ref\/\w+|ref_tracker|stackdepot)\.ts$/;
const IMPORTED = /(^|\/)mm_ref\/\w+\.ts$/;

interface Count {
  readonly functions: number;
  readonly arguments: number;
}

const isRefType = (type: TS.TypeNode | undefined): boolean =>
  type !== undefined && ts.isTypeReferenceNode(type) && type.typeName.getText() === "mm_ref";

function parse(files: ReadonlyMap<string, string>): TS.SourceFile[] {
  return [...files]
    .filter(([path]) => path.endsWith(".ts") && !MODULES.test(path))
    .map(([path, text]) => ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
}

/** What the sources say of identities. */
interface Known {
  /** Classes that are one, or hold nothing else. */
  readonly types: Set<string>;
  /** Fields that are one. */
  readonly fields: Set<string>;
  /** Which parameters of which functions are. */
  readonly takers: Map<string, readonly number[]>;
}

const isNew = (e: TS.Expression | undefined, types: ReadonlySet<string>): boolean =>
  e !== undefined && ts.isNewExpression(e) && types.has(e.expression.getText());

function survey(sources: readonly TS.SourceFile[]): Known {
  const known: Known = { types: new Set(["mm_ref", "mm_refs"]), fields: new Set(), takers: new Map() };
  for (const node of sources.flatMap((source) => [...source.statements])) {
    if (ts.isClassDeclaration(node)) {
      const refs = node.members.filter((m) => ts.isPropertyDeclaration(m) && isNew(m.initializer, known.types));
      for (const one of refs) known.fields.add(one.name!.getText());
      if (refs.length > 0 && refs.length === node.members.length) known.types.add(node.name!.text);
    }
    if (!ts.isFunctionDeclaration(node) || !node.name) continue;
    const at = node.parameters.flatMap((p, i) => (isRefType(p.type) ? [i] : []));
    if (at.length > 0) known.takers.set(node.name.text, at);
  }
  return known;
}

class Eraser {
  readonly #text: string[];
  readonly #source: TS.SourceFile;
  readonly #known: Known;
  readonly #names = new Set<string>();
  arguments = 0;

  constructor(source: TS.SourceFile, known: Known) {
    this.#source = source;
    this.#text = [...source.text];
    this.#known = known;
  }

  run(): string {
    for (const node of this.#source.statements) {
      if (!ts.isImportDeclaration(node) || !IMPORTED.test((node.moduleSpecifier as TS.StringLiteral).text)) continue;
      const names = node.importClause?.namedBindings;
      if (names && ts.isNamedImports(names)) for (const one of names.elements) this.#names.add(one.name.text);
      this.#blank(node.getStart(), node.end);
    }
    for (const node of this.#source.statements) if (!ts.isImportDeclaration(node)) this.#visit(node);
    return this.#text.join("");
  }

  #blank(from: number, to: number): void {
    for (let i = from; i < to; i++) if (this.#text[i] !== "\n") this.#text[i] = " ";
  }

  /** With the comma before it, or behind the first. */
  #blankItem(list: TS.NodeArray<TS.Node>, i: number): void {
    const from = i === 0 ? list[0]!.getStart() : list[i - 1]!.end;
    const to = i === 0 && list.length > 1 ? list[1]!.getStart() : list[i]!.end;
    this.#blank(from, to);
  }

  /** Its value is an identity. */
  #isRef(e: TS.Expression | undefined): boolean {
    if (!e) return false;
    if (ts.isConditionalExpression(e)) return this.#isRef(e.whenTrue) && this.#isRef(e.whenFalse);
    return isNew(e, this.#known.types) || (ts.isPropertyAccessExpression(e) && this.#known.fields.has(e.name.text));
  }

  #visit(node: TS.Node): void {
    if (ts.isPropertyDeclaration(node) && this.#isRef(node.initializer)) return this.#blank(node.getStart(), node.end);
    if (ts.isVariableStatement(node) && node.declarationList.declarations.every((d) => this.#isRef(d.initializer))) {
      return this.#blank(node.getStart(), node.end);
    }
    if ((ts.isExpressionStatement(node) || ts.isIfStatement(node)) && this.#names_in(node)) {
      this.#blank(node.getStart(), node.end);
      this.#text[node.getStart()] = ";";
      return;
    }
    if (ts.isFunctionLike(node)) node.parameters.forEach((p, i) => isRefType(p.type) && this.#blankItem(node.parameters, i));
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
      for (const i of this.#known.takers.get(node.expression.text) ?? []) {
        this.#blankItem(node.arguments, i);
        this.arguments += 1;
      }
    }
    ts.forEachChild(node, (child) => this.#visit(child));
  }

  /** The statement itself, not one inside it, says something of identities: the type in `new mm_ref()` is no such thing. */
  #names_in(statement: TS.Node): boolean {
    const look = (node: TS.Node): boolean => {
      if (ts.isStatement(node) && node !== statement) return false;
      if (ts.isIdentifier(node)) return this.#names.has(node.text) && !this.#known.types.has(node.text) && !ts.isPropertyAccessExpression(node.parent);
      return ts.forEachChild(node, look) ?? false;
    };
    return look(statement);
  }
}

/** Changes the files; how many functions take identities, and how many arguments are ones. */
export function removeRefs(files: Map<string, string>): Count {
  const sources = parse(files);
  const known = survey(sources);
  let count = 0;
  for (const source of sources) {
    const eraser = new Eraser(source, known);
    files.set(source.fileName, eraser.run());
    count += eraser.arguments;
  }
  for (const path of [...files.keys()]) if (MODULES.test(path)) files.delete(path);
  return { functions: known.takers.size, arguments: count };
}
