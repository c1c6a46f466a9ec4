/** Where the harts are, for a run that was stopped: one line each, with the function's name when the ELF has symbols. */
import type { ElfImage } from "../../machine/elf.ts";
import type { Machine } from "../../machine/types.ts";

const MODES = ["U", "S", "?", "M"] as const;

function symbolAt(elf: ElfImage, pc: number): string {
  let best: { name: string; address: number } | null = null;
  for (const { name, address, kind, size } of elf.symbols) {
    // $x and $d say where code and data begin (RISC-V ELF psABI, mapping symbols).
    if (kind === "object" || (kind === "none" && /^\$[xd]/.test(name)) || address > pc || (size > 0 && pc >= address + size)) continue;
    if (!best || address > best.address) best = { name, address };
  }
  return best ? ` ${best.name}+0x${(pc - best.address).toString(16)}` : "";
}

export function whereHartsAre(machine: Machine, elf: ElfImage | null): string {
  let text = "";
  for (let hart = 0; hart < machine.config.harts; hart++) {
    const { pc, privilege, waiting, instructions } = machine.hart(hart);
    const place = `0x${pc.toString(16).padStart(8, "0")}${elf ? symbolAt(elf, pc) : ""}`;
    const how = waiting ? "waits in wfi at" : "at";
    text += `  hart ${hart} ${how} ${place}, ${MODES[privilege]} mode, ${instructions} instructions\n`;
  }
  return text;
}
