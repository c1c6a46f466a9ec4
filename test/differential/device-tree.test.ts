/**
 * Our device tree against the one QEMU builds for the same board: every node we have, QEMU has,
 * with the same properties, except where a difference is named here.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { boardTree } from "../../src/machine/board-tree.ts";
import { findNode, findProperty, parseFdt, type FdtNode } from "../../src/machine/fdt.ts";
import { haveTool } from "../tools.ts";
import { QEMU } from "./machines.ts";

const HARTS = 4;

function qemuTree(): FdtNode {
  const directory = mkdtempSync(join(tmpdir(), "hartlab-tree-"));
  try {
    const file = join(directory, "tree");
    const args = ["-M", `virt,dumpdtb=${file}`, "-smp", String(HARTS), "-m", "64", "-bios", "none"];
    spawnSync(QEMU, [...args, "-display", "none"]);
    return parseFdt(readFileSync(file))!;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * Everything of `ours` that QEMU has not or has differently; phandles and their users are numbered
 * apart.
 */
function differences(ours: FdtNode, qemu: FdtNode, path: string): string[] {
  const handles = new Set(["phandle", "interrupt-parent", "interrupts-extended", "regmap"]);
  const found: string[] = [];
  for (const [name, value] of ours.properties) {
    const theirs = findProperty(qemu, name);
    if (theirs === null) found.push(`${path}: only ours has ${name}`);
    else if (
      handles.has(name) ? theirs.length !== value.length : Buffer.compare(theirs, value) !== 0
    ) {
      found.push(`${path}: ${name} differs`);
    }
  }
  for (const child of ours.children) {
    const other = findNode(qemu, child.name);
    if (other) found.push(...differences(child, other, `${path}/${child.name}`));
    else found.push(`${path}: only ours has ${child.name}`);
  }
  return found;
}

test.skipIf(!haveTool(QEMU))("our device tree is a part of QEMU's", () => {
  const ours = boardTree({ harts: HARTS, memoryBytes: 64 << 20, bootargs: "", lab: true });
  const cpus = Array.from({ length: HARTS }, (_, hart) => `/cpus/cpu@${hart}: riscv,isa differs`);
  expect(differences(ours, qemuTree(), "")).toEqual([
    ": model differs",
    "/chosen: only ours has bootargs",
    ...cpus,
    "/soc: only ours has lab@10200000",
  ]);
});
