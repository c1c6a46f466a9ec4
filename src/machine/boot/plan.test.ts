import { describe, expect, test } from "vitest";
import { formatProblem, type Result } from "../../base/result.ts";
import { boardTree } from "../board-tree.ts";
import { cells, encodeFdt, findNode, findProperty, parseFdt, reservedMemory, text, type FdtNode } from "../fdt.ts";
import { createMachine } from "../machine.ts";
import { elfFile } from "../test-elf.ts";
import { planBoot, readProgram, type BootPlan, type BootRequest, type ReadProgram } from "./plan.ts";

const MIB = 1 << 20;
const BOARD = { harts: 2, memoryBytes: 64 * MIB, bootargs: "", lab: false };

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.value;
}

const sentences = (result: Result<unknown>): string[] => (result.ok ? [] : result.problems.map(({ message }) => message));

/** A flat Linux image: nothing but its header and some bytes. */
function linux(fields: { textOffset?: number; imageBytes?: number; flags?: number } = {}): Uint8Array {
  const bytes = new Uint8Array(256);
  const view = new DataView(bytes.buffer);
  view.setUint32(8, fields.textOffset ?? 0x40_0000, true);
  view.setUint32(16, fields.imageBytes ?? 2 * MIB, true);
  view.setUint32(24, fields.flags ?? 0, true);
  view.setUint32(56, 0x0543_5352, true);
  return bytes;
}

const image = (bytes: Uint8Array, name = "Image"): ReadProgram => value(readProgram({ kind: "image", name, bytes }));
const firmware = image(new Uint8Array(0x2000).fill(0x13), "our firmware");

function request(changes: Partial<BootRequest>): BootRequest {
  return {
    board: BOARD, payload: image(linux()), firmware, reserveFirmware: true, tree: null, initrd: null, bootargs: "quiet", ...changes,
  };
}

/** Name and place of every piece. */
function places(plan: BootPlan): string[] {
  return plan.pieces.map(({ what, address, memoryBytes }) => `${what} ${address.toString(16)} +${memoryBytes.toString(16)}`);
}

/** The tree as the guest will find it. */
function treeOf(plan: BootPlan): { root: FdtNode; blob: Uint8Array } {
  const blob = plan.pieces.find(({ address }) => address === plan.treeAddress)!.bytes;
  return { root: parseFdt(blob)!, blob };
}

const property = (root: FdtNode, path: string, name: string): Uint8Array | null => findProperty(findNode(root, path)!, name);

describe("what goes where", () => {
  test("Linux under firmware, with a ramdisk below the tree and the next stage named behind it", () => {
    const initrd = { name: "root.cpio", bytes: new Uint8Array(5000).fill(1) };
    const plan = value(planBoot(request({ initrd })));
    expect(places(plan)).toMatchInlineSnapshot(`
      [
        "our firmware 80000000 +2000",
        "Image 80400000 +200000",
        "root.cpio 83dfe000 +1388",
        "the device tree 83e00000 +c80",
      ]
    `);
    const { root, blob } = treeOf(plan);
    expect(property(root, "/chosen", "bootargs")).toEqual(text("quiet"));
    expect(property(root, "/chosen", "linux,initrd-start")).toEqual(cells(0x83df_e000));
    expect(property(root, "/chosen", "linux,initrd-end")).toEqual(cells(0x83df_e000 + 5000));
    expect(property(root, "/reserved-memory/mmode_resv0@80000000", "reg")).toEqual(cells(0, 0x8000_0000, 0, 0x8_0000));
    const info = new DataView(blob.buffer, plan.infoAddress - plan.treeAddress, 24);
    const words = Array.from({ length: 6 }, (_, i) => info.getUint32(4 * i, true));
    expect(words).toEqual([0x4942_534f, 2, 0x8040_0000, 1, 0, 0]);
  });

  test("a flat image lies at the start of RAM without firmware, at 4 MiB under it", () => {
    const payload = image(new Uint8Array(16), "flat");
    expect(payload.needsFirmware).toBe(false);
    expect(places(value(planBoot(request({ payload, firmware: null, reserveFirmware: false }))))[0]).toBe("flat 80000000 +10");
    expect(places(value(planBoot(request({ payload }))))[1]).toBe("flat 80400000 +10");
  });

  test("an ELF linked high starts where its entry is in physical memory", () => {
    const elf = elfFile({ segments: [{ physical: 0x8080_0000, virtual: 0xc000_0000, bytes: new Uint8Array(64) }] });
    new DataView(elf.buffer).setUint32(24, 0xc000_0010, true);
    const plan = value(planBoot(request({ payload: value(readProgram({ kind: "elf", name: "high.elf", bytes: elf })) })));
    const { blob } = treeOf(plan);
    expect(new DataView(blob.buffer, plan.infoAddress - plan.treeAddress).getUint32(8, true)).toBe(0x8080_0010);
  });

  test("a machine gets exactly the plan", () => {
    const plan = value(planBoot(request({})));
    const machine = value(createMachine({ ...BOARD, timing: "functional", interleave: "ahead", recordMarks: false }));
    machine.loadPlan(plan);
    for (const { address, bytes } of plan.pieces) expect(machine.readPhysical(address, bytes.length)).toEqual(bytes);
    expect([...machine.hart(1).x.subarray(10, 13)]).toEqual([1, plan.treeAddress, plan.infoAddress]);
  });
});

describe("Linux images that are not for this machine", () => {
  const read = (bytes: Uint8Array): string[] => sentences(readProgram({ kind: "image", name: "Image", bytes }));
  test("a word each", () => {
    expect(read(linux({ textOffset: 0x20_0000 }))).toEqual([
      "Image: the Linux image is for RV64 (text offset 0x200000); this machine is RV32",
    ]);
    expect(read(linux({ flags: 1 }))).toEqual(["Image: the Linux image is big-endian; this machine is little-endian"]);
    expect(sentences(planBoot(request({ payload: image(linux({ imageBytes: 64 * MIB })) })))[0]).toMatch(
      /^Image is to lie at 0x80400000 to 0x843fffff, outside RAM/,
    );
  });
});

describe("a given device tree", () => {
  const own = boardTree({ ...BOARD, bootargs: "from the tree" });
  const reserved = new Uint8Array(16).fill(7);
  const blob = encodeFdt(own, 1, reserved);

  test("keeps what it says unless arguments are given", () => {
    const plan = value(planBoot(request({ tree: { name: "a.dtb", bytes: blob }, bootargs: null })));
    const { root, blob: written } = treeOf(plan);
    expect(property(root, "/chosen", "bootargs")).toEqual(text("from the tree"));
    expect(reservedMemory(written)).toEqual(reserved);
    expect(new DataView(written.buffer).getUint32(28)).toBe(1);
    const other = value(planBoot(request({ tree: { name: "a.dtb", bytes: blob }, bootargs: "mine" })));
    expect(property(treeOf(other).root, "/chosen", "bootargs")).toEqual(text("mine"));
  });

  test("without /chosen gets one", () => {
    const bare = encodeFdt({ ...own, children: own.children.filter(({ name }) => name !== "chosen") });
    const plan = value(planBoot(request({ tree: { name: "a.dtb", bytes: bare } })));
    expect(property(treeOf(plan).root, "/chosen", "bootargs")).toEqual(text("quiet"));
  });

  test("cut at any byte it is refused or read, never worse", () => {
    let refused = 0;
    for (let length = 0; length < blob.length; length += 7) {
      const plan = planBoot(request({ tree: { name: "a.dtb", bytes: blob.slice(0, length) } }));
      if (plan.ok) continue;
      refused++;
      expect(sentences(plan)).toEqual(["a.dtb: no flattened device tree, or a damaged one"]);
    }
    expect(refused).toBeGreaterThan(100);
  });

  test("with any byte changed it is refused or read, never worse", () => {
    for (let at = 0; at < blob.length; at++) {
      const damaged = blob.slice();
      damaged[at]! ^= 0xff;
      planBoot(request({ tree: { name: "a.dtb", bytes: damaged } }));
    }
  });
});
