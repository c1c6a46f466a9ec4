/** Writes src/report/html/client.generated.ts: the page's script, bundled and minified from src/report/html/client. Run it after a change there. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
export const GENERATED = join(ROOT, "src/report/html/client.generated.ts");

/** The whole text of the generated module. */
export async function clientModule(): Promise<string> {
  const bundle = await build({
    absWorkingDir: ROOT,
    entryPoints: ["src/report/html/client/main.ts"],
    bundle: true,
    format: "iife",
    platform: "browser",
    target: "es2022",
    minify: true,
    charset: "ascii",
    write: false,
    logLevel: "warning",
  });
  // In a page the script ends where this stands, even in a string.
  const script = bundle.outputFiles[0]!.text.trim().replaceAll("</script", "<\\/script");
  return `/** The page's script, made from src/report/html/client by scripts/page-client.ts. Do not edit. */\nexport const CLIENT_SCRIPT = ${JSON.stringify(script)};\n`;
}

if (process.argv[1] === import.meta.filename) writeFileSync(GENERATED, await clientModule());
