/** The options of `hartlab boot`, checked: what they say as numbers, or one sentence each about what is wrong. */
import type { Problem, Result } from "../../base/result.ts";
import type { Interleave, Timing } from "../../machine/types.ts";
import { savedProblems } from "./saved.ts";

/** As commander hands them over. */
export interface BootOptions {
  readonly elf?: string;
  readonly image?: string;
  readonly initrd?: string;
  readonly dtb?: string;
  readonly append?: string;
  readonly bios?: string;
  readonly harts: string;
  readonly memory: string;
  readonly timing: string;
  readonly interleave: string;
  /** false: --no-jit */
  readonly jit?: boolean;
  readonly maxInstructions?: string;
  readonly input?: string;
  readonly inputAfter?: string;
  readonly disk?: readonly string[];
  readonly diskWriteBack?: boolean;
  readonly virtioConsole?: boolean;
  readonly json?: boolean;
  readonly load?: string;
  readonly save?: string;
  readonly saveAt?: string;
  /** Names of the options that were given, not left at their defaults. */
  readonly given?: readonly string[];
}

export interface BootSettings {
  /** null: the machine comes from --load. */
  readonly payload: { readonly kind: "elf" | "image"; readonly file: string } | null;
  readonly harts: number;
  readonly memoryBytes: number;
  readonly timing: Timing;
  readonly interleave: Interleave;
  /** Infinity: no limit. */
  readonly maxInstructions: number;
  /** Clock at which to save and end; Infinity: at the end, if at all. */
  readonly saveAt: number;
}

const HARTS_MAX = 64;
const MEMORY_MIN = 8 * 1024 ** 2;
const MEMORY_FORMS = "For example --memory 256MiB, 256M or, in bytes, 268435456.";
const MEMORY_MAX = 2 * 1024 ** 3;

function wholeNumber(text: string): number {
  return /^\d{1,15}$/.test(text.replaceAll("_", "")) ? Number(text.replaceAll("_", "")) : Number.NaN;
}

/** `256MiB`, `256M`, bytes; null: no size. */
function memorySize(text: string): number | null {
  const match = /^(\d{1,15})([KMG](?:iB)?)?$/.exec(text.replaceAll("_", ""));
  if (!match) return null;
  return Number(match[1]) * 1024 ** (match[2] === undefined ? 0 : "KMG".indexOf(match[2][0]!) + 1);
}

function oneOf<T extends string>(values: readonly T[], text: string): T | null {
  return values.find((value) => value === text) ?? null;
}

export function bootSettings(options: BootOptions): Result<BootSettings> {
  const problems: Problem[] = [];
  const bad = (message: string, hint: string): void => {
    problems.push({ message, hint });
  };
  const { elf, image } = options;
  if (elf !== undefined && image !== undefined) bad("--elf and --image are both given", "Give the one that is to be booted.");
  if (elf === undefined && image === undefined && options.load === undefined) bad("there is nothing to boot", "Give --elf FILE or --image FILE.");
  const harts = wholeNumber(options.harts);
  if (!(harts >= 1 && harts <= HARTS_MAX)) {
    bad(`--harts ${options.harts}: a machine has 1 to ${HARTS_MAX} harts`, "For example --harts 4.");
  }
  const memoryBytes = memorySize(options.memory);
  if (memoryBytes === null) bad(`--memory ${options.memory} is no size`, MEMORY_FORMS);
  else if (memoryBytes < MEMORY_MIN || memoryBytes > MEMORY_MAX) {
    bad(`--memory ${options.memory}: RAM is 8MiB to 2GiB`, MEMORY_FORMS);
  } else if (memoryBytes % 1024 ** 2 !== 0) bad(`--memory ${options.memory}: RAM is a whole number of MiB`, MEMORY_FORMS);
  const timing = oneOf<Timing>(["functional", "cycle"], options.timing);
  if (!timing) bad(`--timing ${options.timing}: there are functional and cycle`, "docs/boot.md says what they are.");
  const interleave = oneOf<Interleave>(["exact", "ahead"], options.interleave);
  if (!interleave) bad(`--interleave ${options.interleave}: there are exact and ahead`, "docs/boot.md says what they are.");
  const limit = options.maxInstructions;
  const maxInstructions = limit === undefined ? Infinity : wholeNumber(limit);
  if (!(maxInstructions >= 1)) bad(`--max-instructions ${limit}: it must be a whole number from 1`, "For example --max-instructions 1000000000.");
  const saveAt = options.saveAt === undefined ? Infinity : wholeNumber(options.saveAt);
  if (!(saveAt >= 1)) bad(`--save-at ${options.saveAt}: it must be a whole number of cycles from 1`, "For example --save-at 1_000_000_000.");
  problems.push(...savedProblems(options));
  if (options.inputAfter !== undefined && options.input === undefined) {
    bad("--input-after without --input", "Give the file whose bytes are to be sent.");
  }
  if (options.inputAfter === "") bad("--input-after is empty", "Give the text that the guest prints before it wants input.");
  if (problems.length > 0 || memoryBytes === null || !timing || !interleave) return { ok: false, problems };
  const file = elf ?? image;
  const payload = file === undefined ? null : { kind: elf === undefined ? ("image" as const) : ("elf" as const), file };
  return { ok: true, value: { payload, harts, memoryBytes, timing, interleave, maxInstructions, saveAt } };
}
