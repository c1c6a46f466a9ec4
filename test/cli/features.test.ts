/** Every command of docs/features.md shows what the page says. Runs are made in this process, so that kernels share what is compiled. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { exitCode } from "../../src/lab/run/result.ts";
import { explain, report, verdictLine } from "../../src/report/index.ts";
import { runInProcess } from "../scenario/in-process.ts";
import { ROOT } from "../tidy/sources.ts";

/** FEATURES: rows of the inventory. */
const ROWS = 78;

interface Proof {
  readonly command: string;
  readonly shows: string;
}
interface Row {
  readonly number: number;
  readonly what: string;
  readonly proofs: readonly Proof[];
}

function rowsOf(page: string): Row[] {
  return [...page.matchAll(/^\| (\d+) \| (.*) \| (.*) \| (.*) \|$/gm)].map(([, number, what, commands, shows]) => {
    const texts = shows!.split("<br>");
    const proofs = commands!.split("<br>").map((command, at) => ({ command: command.replaceAll("`", ""), shows: texts[at] ?? "" }));
    return { number: Number(number), what: what!, proofs };
  });
}

const rows = rowsOf(readFileSync(join(ROOT, "docs/features.md"), "utf8"));

/** What `hartlab run …` prints. */
function output(words: readonly string[]): string {
  const [file, ...options] = words;
  const set: string[] = [];
  let seed = 1;
  let harts: number | undefined;
  let steps = false;
  for (let at = 0; at < options.length; at++) {
    const option = options[at];
    if (option === "--explain") steps = true;
    else if (option === "--set") set.push(options[++at]!);
    else if (option === "--seed") seed = Number(options[++at]);
    else if (option === "--harts") harts = Number(options[++at]);
    else throw new Error(`${option}: this test does not know the option`);
  }
  const { result, reproduce } = runInProcess(file!, { seed, set, ...(harts === undefined ? {} : { harts }) });
  const again = exitCode(result) === 0 ? "" : `reproduce: ${reproduce}`;
  return [verdictLine(result), result.console, steps ? explain(result) : report(result), again].join("\n");
}

/** The page's first word is the verdict's, and its text is in the output. */
function check({ command, shows }: Proof): void {
  const [program, ...words] = command.split(" ");
  if (program === "npx") return checkTest(command, shows);
  expect([program, words[0]], command).toEqual(["hartlab", "run"]);
  const [, verdict, text] = /^(PASS|FAIL)(?:: (.*))?$/.exec(shows) ?? [];
  expect(verdict, `${command}: "${shows}" is not PASS or FAIL with a text`).toBeDefined();
  const printed = output(words.slice(1));
  expect(printed.split(" ")[0], `${command}\n${printed}`).toBe(verdict);
  if (text !== undefined) expect(printed, command).toContain(text.replaceAll("`", ""));
}

/** `npx vitest run FILES [-t TITLE]`: run with all the others; here: it is there. */
function checkTest(command: string, shows: string): void {
  expect(shows, command).toBe("passes");
  const [, path, title] = /^npx vitest run (\S+)(?: -t "(.*)")?$/.exec(command) ?? [];
  expect(path && existsSync(join(ROOT, path)), `${command}: no such file`).toBe(true);
  if (title !== undefined) expect(readFileSync(join(ROOT, path!), "utf8"), command).toContain(title);
}

test("each row of the inventory is there once, with as many results as commands", () => {
  const page = readFileSync(join(ROOT, "docs/features.md"), "utf8");
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: ROWS }, (_, at) => at + 1));
  for (const [line] of page.matchAll(/^\| \d+ .*$/gm)) expect(line.split("<br>").length % 2, line).toBe(1);
});

/** Runs that several rows name are made once. */
const seen = new Map<string, Proof>();
for (const { proofs } of rows) for (const proof of proofs) seen.set(`${proof.command} ${proof.shows}`, proof);

describe.each(rows)("row $number", ({ proofs }) => {
  test.each(proofs.filter((proof) => seen.get(`${proof.command} ${proof.shows}`) === proof))("$command", (proof) => check(proof));
});
