/**
 * The device tree of this board, shaped as QEMU 7.2 `-M virt` makes it: same node names, same
 * compatible strings, same properties for what both have, so that a kernel probes both alike. The
 * lab device is the one node of our own.
 *
 * Phandles: CPU h's interrupt controller is 1 + h, then the PLIC, then the finisher (syscon).
 */
import { cells, encodeFdt, text, type FdtNode } from "./fdt.ts";
import { BOARD, IRQ } from "./memory/layout.ts";
import { PLIC_SOURCES } from "./device/plic.ts";
import { SLOTS } from "./device/virtio/state.ts";

export interface BoardShape {
  readonly harts: number;
  readonly memoryBytes: number;
  readonly bootargs: string;
  readonly lab: boolean;
}

/** What every hart has, as `riscv,isa` says it. */
export const ISA = "rv32imac_zicsr_zifencei_zihintpause";
const TIMEBASE_HZ = 10_000_000;
const UART_CLOCK_HZ = 3_686_400;
/** Interrupt numbers as wired to a hart's own controller. */
const CAUSE = { SOFTWARE: 3, TIMER: 7, SUPERVISOR_EXTERNAL: 9, EXTERNAL: 11 } as const;
/** The tree lies at the highest address of this alignment that holds it. */
const TREE_ALIGN = 0x20_0000;
const TREE_END_MAX = 0xc000_0000;

type Properties = FdtNode["properties"];

function node(name: string, properties: Properties, ...children: FdtNode[]): FdtNode {
  return { name, properties, children };
}

function reg(base: number, size: number): readonly [string, Uint8Array] {
  return ["reg", cells(0, base, 0, size)];
}

function hex(value: number): string {
  return (value >>> 0).toString(16);
}

const FLAG = new Uint8Array(0);

function cpuNode(hart: number): FdtNode {
  const controller = node("interrupt-controller", [
    ["#interrupt-cells", cells(1)],
    ["interrupt-controller", FLAG],
    ["compatible", text("riscv,cpu-intc")],
    ["phandle", cells(1 + hart)],
  ]);
  return node(
    `cpu@${hex(hart)}`,
    [
      ["device_type", text("cpu")],
      ["reg", cells(hart)],
      ["status", text("okay")],
      ["compatible", text("riscv")],
      ["riscv,isa", text(ISA)],
      ["mmu-type", text("riscv,sv32")],
    ],
    controller,
  );
}

/** Wires two causes of every hart: [phandle, cause, phandle, cause, …]. */
function wires(harts: number, first: number, second: number): Uint8Array {
  const values: number[] = [];
  for (let hart = 0; hart < harts; hart++) values.push(1 + hart, first, 1 + hart, second);
  return cells(...values);
}

function socNode(shape: BoardShape, plicHandle: number, testHandle: number): FdtNode {
  const children = [
    node(`serial@${hex(BOARD.UART)}`, [
      ["interrupts", cells(IRQ.UART)],
      ["interrupt-parent", cells(plicHandle)],
      ["clock-frequency", cells(UART_CLOCK_HZ)],
      reg(BOARD.UART, 0x100),
      ["compatible", text("ns16550a")],
    ]),
    node(`test@${hex(BOARD.FINISHER)}`, [
      ["phandle", cells(testHandle)],
      reg(BOARD.FINISHER, 0x1000),
      ["compatible", text("sifive,test1", "sifive,test0", "syscon")],
    ]),
    node(`plic@${hex(BOARD.PLIC)}`, [
      ["phandle", cells(plicHandle)],
      ["riscv,ndev", cells(PLIC_SOURCES)],
      reg(BOARD.PLIC, BOARD.PLIC_SIZE),
      ["interrupts-extended", wires(shape.harts, CAUSE.EXTERNAL, CAUSE.SUPERVISOR_EXTERNAL)],
      ["interrupt-controller", FLAG],
      ["compatible", text("sifive,plic-1.0.0", "riscv,plic0")],
      ["#address-cells", cells(0)],
      ["#interrupt-cells", cells(1)],
    ]),
    node(`clint@${hex(BOARD.CLINT)}`, [
      ["interrupts-extended", wires(shape.harts, CAUSE.SOFTWARE, CAUSE.TIMER)],
      reg(BOARD.CLINT, BOARD.CLINT_SIZE),
      ["compatible", text("sifive,clint0", "riscv,clint0")],
    ]),
  ];
  // QEMU lists the slots from the last to the first, and so kernels number the disks.
  const slots = Array.from({ length: SLOTS }, (_, i) => SLOTS - 1 - i).map((slot) => {
    const base = BOARD.VIRTIO + 0x1000 * slot;
    return node(`virtio_mmio@${hex(base)}`, [
      ["interrupts", cells(IRQ.VIRTIO + slot)],
      ["interrupt-parent", cells(plicHandle)],
      reg(base, 0x1000),
      ["compatible", text("virtio,mmio")],
    ]);
  });
  children.splice(2, 0, ...slots);
  if (shape.lab) {
    children.push(
      node(`lab@${hex(BOARD.LAB)}`, [
        ["interrupts", cells(IRQ.LAB)],
        ["interrupt-parent", cells(plicHandle)],
        reg(BOARD.LAB, 0x1000),
        ["compatible", text("hartlab,lab")],
      ]),
    );
  }
  return node(
    "soc",
    [
      ["#address-cells", cells(2)],
      ["#size-cells", cells(2)],
      ["compatible", text("simple-bus")],
      ["ranges", FLAG],
    ],
    ...children,
  );
}

function sysconNode(name: string, value: number, testHandle: number): FdtNode {
  return node(name, [
    ["value", cells(value)],
    ["offset", cells(0)],
    ["regmap", cells(testHandle)],
    ["compatible", text(`syscon-${name}`)],
  ]);
}

export function boardTree(shape: BoardShape): FdtNode {
  const plicHandle = shape.harts + 1;
  const testHandle = shape.harts + 2;
  const cpus = Array.from({ length: shape.harts }, (_, hart) => cpuNode(hart));
  return node(
    "",
    [
      ["#address-cells", cells(2)],
      ["#size-cells", cells(2)],
      ["compatible", text("riscv-virtio")],
      ["model", text("hartlab,virt")],
    ],
    node("chosen", [
      ["bootargs", text(shape.bootargs)],
      ["stdout-path", text(`/soc/serial@${hex(BOARD.UART)}`)],
    ]),
    sysconNode("poweroff", 0x5555, testHandle),
    sysconNode("reboot", 0x7777, testHandle),
    node(`memory@${hex(BOARD.RAM)}`, [
      ["device_type", text("memory")],
      reg(BOARD.RAM, shape.memoryBytes),
    ]),
    node(
      "cpus",
      [
        ["#address-cells", cells(1)],
        ["#size-cells", cells(0)],
        ["timebase-frequency", cells(TIMEBASE_HZ)],
      ],
      ...cpus,
    ),
    socNode(shape, plicHandle, testHandle),
  );
}

/** Where a tree of this size goes: as high as possible, but below what a 32-bit kernel can map (as QEMU does). */
export function treeAddress(memoryBytes: number, treeBytes: number): number {
  const room = Math.min(memoryBytes, TREE_END_MAX - BOARD.RAM) - treeBytes;
  return BOARD.RAM + (room - (room % TREE_ALIGN));
}

/** The encoded tree and the physical address at which harts find it in a1. */
export function placeBoardTree(shape: BoardShape): {
  readonly blob: Uint8Array;
  readonly address: number;
} {
  const blob = encodeFdt(boardTree(shape));
  return { blob, address: treeAddress(shape.memoryBytes, blob.length) };
}
