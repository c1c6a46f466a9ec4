/**
 * The device tree a boot hands to the guest: the board's own or a given one, with arguments and initial ramdisk written
 * into /chosen.
 */
import { failure, success, type Problem, type Result } from "../../base/result.ts";
import { cells, encodeFdt, findNode, findProperty, parseFdt, reservedMemory, text, type FdtNode } from "../fdt.ts";
import { ISA, type BoardShape } from "../board-tree.ts";
import { BOARD } from "../memory/layout.ts";

export interface Chosen {
  /** null: leave what the tree says. */
  readonly bootargs: string | null;
  readonly initrd: { readonly start: number; readonly end: number } | null;
}

type Properties = FdtNode["properties"];

function withProperties(properties: Properties, changed: Properties): Properties {
  const names = new Set(changed.map(([name]) => name));
  return [...properties.filter(([name]) => !names.has(name)), ...changed];
}

function withChosen(root: FdtNode, { bootargs, initrd }: Chosen): FdtNode {
  const changed: (readonly [string, Uint8Array])[] = [];
  if (bootargs !== null) changed.push(["bootargs", text(bootargs)]);
  if (initrd) {
    changed.push(["linux,initrd-start", cells(initrd.start)], ["linux,initrd-end", cells(initrd.end)]);
  }
  const old = findNode(root, "/chosen") ?? { name: "chosen", properties: [], children: [] };
  const chosen = { ...old, properties: withProperties(old.properties, changed) };
  return { ...root, children: [chosen, ...root.children.filter(({ name }) => name !== "chosen")] };
}

/** Address and size of the first range of the tree's memory node, or null. */
function memoryRange(root: FdtNode): { start: number; bytes: number } | null {
  const node = root.children.find(({ name }) => name === "memory" || name.startsWith("memory@"));
  const reg = node && findProperty(node, "reg");
  if (!reg) return null;
  const count = (name: string, usual: number): number => {
    const value = findProperty(root, name);
    return value?.length === 4 ? value[3]! : usual;
  };
  const view = new DataView(reg.buffer, reg.byteOffset, reg.byteLength);
  const number = (at: number, words: number): number => {
    let value = 0;
    for (let i = 0; i < words; i++) value = value * 0x1_0000_0000 + view.getUint32(at + 4 * i);
    return value;
  };
  const address = count("#address-cells", 2);
  const size = count("#size-cells", 1);
  if (reg.length < 4 * (address + size)) return null;
  return { start: number(0, address), bytes: number(4 * address, size) };
}

/** Extensions, in small letters, of a string such as `rv32imac_zicsr`, or null; versions are not looked at. */
function extensionsOf(isa: string): string[] | null {
  const match = /^rv32([a-z0-9]*)((?:_[a-z0-9]+)*)$/.exec(isa.toLowerCase().replaceAll(/\d+p\d+/g, ""));
  return match && [...match[1]!, ...match[2]!.split("_").filter((name) => name !== "")];
}

/** What the machine has: its own tree's, their parts, and modes that old trees write as letters. */
const EXTENSIONS: ReadonlySet<string> = new Set([
  ...extensionsOf(ISA)!, "zmmul", "zaamo", "zalrsc", "zca", "zicntr", "s", "u",
]);

/** Why a kernel that believes the tree would not run here, or null. Trees without CPUs are left alone. */
function cpuProblem(root: FdtNode, harts: number): Problem | null {
  const cpus = (findNode(root, "/cpus")?.children ?? []).filter(({ name }) => /^cpu(@|$)/.test(name));
  if (cpus.length === 0) return null;
  if (cpus.length !== harts) {
    return { message: `it has ${cpus.length} CPUs, and this machine has ${harts}`, hint: `Give --harts ${cpus.length}, or another tree.` };
  }
  for (const cpu of cpus) {
    const strings = (name: string): string[] =>
      new TextDecoder().decode(findProperty(cpu, name) ?? new Uint8Array(0)).split("\0").filter((one) => one !== "");
    const [isa] = strings("riscv,isa");
    const named = isa === undefined ? [] : extensionsOf(isa);
    if (!named) return { message: `${cpu.name} is ${isa}; this machine is ${ISA}`, hint: "Write that into riscv,isa." };
    const absent = [...named, ...strings("riscv,isa-extensions")].filter((name) => !EXTENSIONS.has(name));
    if (absent.length > 0) {
      const message = `${cpu.name} has extensions that this machine lacks: ${[...new Set(absent)].join(", ")}`;
      return { message, hint: `Leave them out of riscv,isa; the machine is ${ISA}.` };
    }
  }
  return null;
}

/** A given blob, checked, changed and written anew; its memory reservations are kept. */
export function givenTree(blob: Uint8Array, { memoryBytes, harts }: BoardShape, chosen: Chosen): Result<Uint8Array> {
  const root = parseFdt(blob);
  if (!root) {
    return failure({
      message: "no flattened device tree, or a damaged one",
      hint: "Give a .dtb file, as `dtc -O dtb` makes it.",
    });
  }
  const memory = memoryRange(root);
  if (memory && (memory.start < BOARD.RAM || memory.start + memory.bytes > BOARD.RAM + memoryBytes)) {
    const range = `0x${memory.start.toString(16)} to 0x${(memory.start + memory.bytes - 1).toString(16)}`;
    return failure({
      message: `it has memory from ${range}, which this machine of ${memoryBytes >>> 20} MiB has not`,
      hint: "Give --memory as the tree has it.",
    });
  }
  const wrong = cpuProblem(root, harts);
  if (wrong) return failure(wrong);
  return success(encodeFdt(withChosen(root, chosen), new DataView(blob.buffer, blob.byteOffset).getUint32(28), reservedMemory(blob)));
}

/** Memory that belongs to the firmware: a kernel must not touch it. */
export interface ReservedRange {
  readonly start: number;
  readonly bytes: number;
}

/** The board's own tree, with what `chosen` adds. */
export function ownTree(root: FdtNode, chosen: Chosen, reserved: ReservedRange | null): Uint8Array {
  const tree = withChosen(root, chosen);
  if (!reserved) return encodeFdt(tree);
  const range: FdtNode = {
    name: `mmode_resv0@${reserved.start.toString(16)}`,
    properties: [["reg", cells(0, reserved.start, 0, reserved.bytes)], ["no-map", new Uint8Array(0)]],
    children: [],
  };
  const parent: FdtNode = {
    name: "reserved-memory",
    properties: [["#address-cells", cells(2)], ["#size-cells", cells(2)], ["ranges", new Uint8Array(0)]],
    children: [range],
  };
  return encodeFdt({ ...tree, children: [...tree.children, parent] });
}
