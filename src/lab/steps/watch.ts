/**
 * Variables of the kernel that a step shows: `cpu_hotplug.refcount`, `this_cpu.runqueue.nr_running`-like paths through module-level
 * and per-CPU storage, fields, elements `[n]` and pointers, looked up once in the image and read between two stretches.
 */
import type { HartlabSection, StaticInfo } from "../../base/hartlab-section.ts";
import { failure, type Problem, type Result, success } from "../../base/result.ts";
import type { Machine } from "../../machine/types.ts";
import type { Symbols } from "../image/symbols.ts";
import { nearest } from "../scenario/suggest.ts";
import type { Guest } from "./guest.ts";

/** From an address: read a pointer there, then go on by `offset`; or just go on. */
interface Hop {
  readonly follow: boolean;
  readonly offset: number;
}

export interface Watch {
  readonly name: string;
  readonly address: number;
  /** The address counts from the per-CPU area of the hart at hand. */
  readonly percpu: boolean;
  readonly hops: readonly Hop[];
  readonly type: string;
  readonly size: number;
}

const SCALARS: ReadonlySet<string> = new Set(["u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "usize", "isize", "boolean", "bool", "string"]);
/** A word that is the address of a task, such as a mutex's owner, may have flags in these bits. */
const FLAG_BITS = 3;
const TEXT = /^u8\[\d+\]$/;

export function findWatch(name: string, section: HartlabSection): Result<Watch> {
  const [root, ...path] = name.split(/\.|(?=\[)/);
  const fixed = section.statics.find((one) => one.name === root);
  const found = fixed ?? section.percpu.find((one) => one.name === root);
  if (found === undefined) return failure(unknownRoot(root, section));
  let { type, size }: { type: string; size: number } = found;
  const hops: Hop[] = [];
  for (const step of path) {
    const follow = type.endsWith("*");
    const base = follow ? type.slice(0, -1) : type;
    const next = step.startsWith("[") ? element(base, size, step, section) : field(base, step, section);
    if (next === null) return failure(unknownPart(name, step, base, section));
    hops.push({ follow, offset: next.offset });
    ({ type, size } = next);
  }
  if (!SCALARS.has(type) && !type.endsWith("*") && !TEXT.test(type)) {
    const fields = section.structs[type]?.fields.map((one) => one.name).join(", ");
    return failure({ message: `\`${name}\` is no single value`, hint: fields ? `Name one of its fields: ${fields}.` : "Name an element, such as [0]." });
  }
  return success({ name, address: found.address, percpu: fixed === undefined, hops, type, size });
}

interface Part {
  readonly offset: number;
  readonly type: string;
  readonly size: number;
}

const field = (type: string, name: string, section: HartlabSection): Part | null =>
  section.structs[type]?.fields.find((one) => one.name === name) ?? null;

function element(type: string, size: number, step: string, section: HartlabSection): Part | null {
  const index = /^\[(\d+)\]$/.exec(step);
  const array = /^(.+)\[(\d+)\]$/.exec(type) ?? /^(?:StructArray|FixedArray)<([\w*]+),\s*(\d+)>$/.exec(type);
  if (!index || !array || Number(index[1]) >= Number(array[2])) return null;
  const each = section.structs[array[1]]?.size ?? size / Number(array[2]);
  return { offset: Number(index[1]) * each, type: array[1], size: each };
}

function unknownRoot(root: string, section: HartlabSection): Problem {
  const names = [...section.statics, ...section.percpu].map((one: StaticInfo) => one.name);
  const guess = nearest(root, names);
  return {
    message: `the kernel has no variable \`${root}\``,
    hint: guess ? `Did you mean \`${guess}\`?` : "A variable that no code uses is not in the image; locals cannot be watched.",
  };
}

function unknownPart(name: string, step: string, type: string, section: HartlabSection): Problem {
  const fields = section.structs[type]?.fields.map((one) => one.name) ?? [];
  const guess = nearest(step, fields);
  const hint = guess ? `Did you mean \`${guess}\`?` : fields.length > 0 ? `It has ${fields.join(", ")}.` : `It is ${type}.`;
  return { message: `\`${name}\`: what comes before \`${step}\` has no such part`, hint };
}

/** The value as text; `?` where it cannot be read now. */
export function readWatch(watch: Watch, hart: number, machine: Machine, guest: Guest, symbols: Symbols): string {
  const base = watch.percpu ? guest.percpuArea(hart) : 0;
  if (base === null) return "?";
  let address = base + watch.address;
  for (const { follow, offset } of watch.hops) {
    const from = follow ? guest.word(address) : address;
    if (from === null || (follow && from === 0)) return "?";
    address = from + offset;
  }
  const bytes = machine.readVirtual(address, watch.size);
  return bytes === null ? "?" : format(watch.type, bytes, guest, symbols);
}

function format(type: string, bytes: Uint8Array, guest: Guest, symbols: Symbols): string {
  if (TEXT.test(type)) return JSON.stringify(new TextDecoder().decode(bytes).split("\0")[0]);
  const signed = type.startsWith("i");
  let value = 0n;
  for (const [i, byte] of bytes.entries()) value |= BigInt(byte) << BigInt(8 * i);
  if (type.startsWith("bool")) return value === 0n ? "false" : "true";
  if (signed) return String(BigInt.asIntN(8 * bytes.length, value));
  const owner = type === "u32" ? guest.listed(Number(value) & ~FLAG_BITS) : null;
  if (owner !== null) return `${owner.comm}/${owner.pid}`;
  if (!type.endsWith("*")) return value >= 0x8000_0000n ? `0x${value.toString(16)}` : String(value);
  if (value === 0n) return "null";
  const address = Number(value);
  const task = type === "task_struct*" ? guest.task(address) : null;
  if (task !== null) return `${task.comm}/${task.pid}`;
  if (type === "function*") return symbols.functionName(address);
  return symbols.storageName(address, [], type.slice(0, -1)) ?? `0x${value.toString(16)}`;
}
