/**
 * `npx tsx bench/build-guest.ts NAME [ROUNDS] [HARTS] [-o FILE]`: one guest as an ELF with its listing, for whoever works
 * on the engine. `node build/bench.js FILE.elf '{"timing":"cycle"}'` runs it (process.ts).
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { buildGuest } from "./images/guest.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { output: { type: "string", short: "o" } },
});
const [name, rounds = "1", harts = "1"] = positionals;
if (name === undefined) throw new Error("which guest? bench/guests has them");
const output = values.output ?? `${name}.elf`;
const image = buildGuest(name, { rounds: Number(rounds), harts: Number(harts) });
writeFileSync(output, image.elf);
writeFileSync(output.replace(/(\.elf)?$/, ".asm"), image.listing(new Map()).asm);
process.stdout.write(`${output}: ${image.elf.length} bytes\n`);
