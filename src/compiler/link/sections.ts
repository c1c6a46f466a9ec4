/**
 * The output sections in the order of the image, and the symbols at their edges (docs/interfaces.md
 * "Layout", "Symbols"). The firmware runs where it is loaded; the kernel is loaded at its virtual
 * address less KERNEL_OFFSET.
 */

export const FIRMWARE_BASE = 0x8000_0000;
export const KERNEL_BASE = 0xc000_0000;
export const KERNEL_PHYSICAL = 0x8040_0000;
export const PAGE = 4096;

export interface SectionSpec {
  readonly name: string;
  readonly region: "firmware" | "kernel";
  /** Executable, writable; everything is readable. */
  readonly flags: "x" | "w" | "";
  readonly align: number;
  /** Takes no room in the file. */
  readonly zero: boolean;
  readonly startSymbols: readonly string[];
  readonly endSymbols: readonly string[];
}

function section(
  name: string,
  flags: "x" | "w" | "",
  align: number,
  startSymbols: string[],
  endSymbols: string[],
): SectionSpec {
  const region = name.startsWith(".fw.") ? "firmware" : "kernel";
  return { name, region, flags, align, zero: name.endsWith(".bss"), startSymbols, endSymbols };
}

export const SECTIONS: readonly SectionSpec[] = [
  section(".fw.start", "x", PAGE, ["__fw_start"], []),
  section(".fw.text", "x", 16, [], []),
  section(".fw.rodata", "", 16, [], []),
  section(".fw.data", "w", 16, [], []),
  section(".fw.bss", "w", 16, ["__fw_bss_start"], ["__fw_bss_stop", "__fw_end"]),
  section(".head.text", "x", PAGE, ["_stext"], []),
  section(".init.text", "x", 16, [], []),
  section(".text", "x", 16, [], ["_etext"]),
  section(".rodata", "", PAGE, ["__start_rodata"], ["__end_rodata"]),
  section(".tasks", "", PAGE, ["__tasks_start"], ["__tasks_stop"]),
  section(".data", "w", PAGE, ["_sdata"], ["_edata"]),
  section(".data..percpu", "w", PAGE, ["__per_cpu_start"], ["__per_cpu_end"]),
  section(".bss", "w", PAGE, ["__bss_start"], ["__bss_stop"]),
];

/** End of the kernel's image, rounded up to a page. */
export const END_SYMBOL = "_end";

/** Ends of these are rounded up so that the guest can clear or copy whole words. */
export const SECTION_END_ALIGN: Readonly<Record<string, number>> = {
  ".fw.bss": 64,
  ".bss": 64,
  ".data..percpu": 64,
};

const BY_NAME: ReadonlyMap<string, SectionSpec> = new Map(SECTIONS.map((s) => [s.name, s]));

/**
 * The output section for an input section: itself, or the one it is a part of
 * (`.data..page_aligned`, `.sched.text`, `.init.data`). Null when there is none, or when code would
 * land outside an executable section.
 */
export function outputSection(name: string, isCode: boolean): SectionSpec | null {
  const exact = BY_NAME.get(name);
  if (exact) return (exact.flags === "x") === isCode ? exact : null;
  const firmware = name.startsWith(".fw.");
  const parts = (firmware ? name.slice(3) : name).split(".").filter((p) => p !== "");
  const known = isCode ? ["text"] : ["bss", "rodata", "data"];
  const found = known.find((k) => parts.includes(k));
  return found === undefined ? null : (BY_NAME.get(`${firmware ? ".fw" : ""}.${found}`) ?? null);
}

/** Where the bytes of a section lie in physical memory. */
export function physicalAddress(spec: SectionSpec, address: number): number {
  return spec.region === "firmware" ? address : address - KERNEL_BASE + KERNEL_PHYSICAL;
}
