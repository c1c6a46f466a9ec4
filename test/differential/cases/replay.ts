/** `npx tsx test/differential/cases/replay.ts SEED CASE [sabotage]`: one case here and in QEMU; exit 1 when it differs. */
import { story } from "./compare.ts";

const [seed, index, how] = process.argv.slice(2);
const text = story(Number(seed), Number(index), how === "sabotage");
console.log(text ?? `seed ${seed}, case ${index} runs alike`);
process.exitCode = text ? 1 : 0;
