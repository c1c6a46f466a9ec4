/**
 * What only TypeScript's checker sees: dereferencing null, variables that are read before anything was assigned.
 *
 * Kernel sources go through tsc in `make check`; a workload may lie anywhere and has nobody else to ask. Its modules alone
 * are checked, and what they import as far as that needs, on the trees that the build has parsed: 0.2 to 0.4 s of CPU after a
 * build that found nothing wrong.
 * Messages are TypeScript's own. Unused names are left to tsconfig.kernel.json.
 */
import type TS from "typescript";
import { failure, success, type Problem, type Result } from "../base/result.ts";
import { placeAt, PROBLEMS_MAX } from "./front/diagnostics.ts";
import { parse } from "./front/types/modules.ts";
import { useTypeScript, type TypeScript } from "./front/typescript.ts";

export interface TypeCheck {
  /** Path -> text: the modules and whatever they import. */
  readonly files: ReadonlyMap<string, string>;
  /** Path -> text of the .d.ts that stand for the standard library and the configuration. */
  readonly declarations: ReadonlyMap<string, string>;
  /** The modules to check. */
  readonly modules: readonly string[];
}

const HINTS: ReadonlyMap<number, string> = new Map(
  [
    [[2531, 18047], "test it: `if (x !== null) …`; `x!` says that it never is null here"],
    [[2454], "give it a value where it is declared, or on every path"],
  ].flatMap(([codes, hint]) => (codes as number[]).map((code) => [code, hint as string] as const)),
);

/** `./x.ts` as seen from a module, without dots. */
function resolve(importer: string, specifier: string): string {
  const parts = specifier.startsWith(".") ? importer.split("/").slice(0, -1) : [];
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

function hostOf(ts: TypeScript, texts: ReadonlyMap<string, string>): TS.CompilerHost {
  return {
    getSourceFile: (path) => {
      const text = texts.get(path);
      return text === undefined ? undefined : parse(path, text);
    },
    getDefaultLibFileName: () => "",
    getCurrentDirectory: () => "",
    getCanonicalFileName: (path) => path,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => "\n",
    writeFile: () => {},
    fileExists: (path) => texts.has(path),
    readFile: (path) => texts.get(path),
    resolveModuleNameLiterals: (literals, importer) =>
      literals.map(({ text }) => {
        const path = resolve(importer, text);
        return { resolvedModule: texts.has(path) ? { resolvedFileName: path, extension: ts.Extension.Ts, resolvedUsingTsExtension: true } : undefined };
      }),
  };
}

export function checkTypes(ts: TypeScript, { files, declarations, modules }: TypeCheck): Result<null> {
  useTypeScript(ts);
  const options: TS.CompilerOptions = {
    noLib: true,
    strict: true,
    strictPropertyInitialization: false,
    types: [],
    noEmit: true,
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    allowImportingTsExtensions: true,
    moduleDetection: ts.ModuleDetectionKind.Force,
  };
  const host = hostOf(ts, new Map([...files, ...declarations]));
  const program = ts.createProgram({ rootNames: [...declarations.keys(), ...modules], options, host });
  const problems: Problem[] = [];
  for (const path of modules) {
    for (const { file, start, code, messageText } of program.getSemanticDiagnostics(program.getSourceFile(path))) {
      const message = `${ts.flattenDiagnosticMessageText(messageText, " ").replace(/\.$/, "")} (TS${code})`;
      const hint = HINTS.get(code);
      problems.push({ message, ...(file && { place: placeAt(file, start ?? 0) }), ...(hint && { hint }) });
    }
  }
  return problems.length === 0 ? success(null) : failure(...problems.slice(0, PROBLEMS_MAX));
}
