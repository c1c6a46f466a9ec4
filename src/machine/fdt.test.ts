import { describe, expect, test } from "vitest";
import { placeBoardTree } from "./board-tree.ts";
import { cells, encodeFdt, findNode, findProperty, parseFdt, text, type FdtNode } from "./fdt.ts";

const SHAPE = { harts: 2, memoryBytes: 64 << 20, bootargs: "seed=7 task=churn@all", lab: true };

/** The tree as indented source, cells in hex. */
function print(node: FdtNode, indent = ""): string {
  const lines = [`${indent}${node.name || "/"} {`];
  for (const [name, value] of node.properties) {
    const printable = value.length > 0 && value.at(-1) === 0 && value[0]! >= 32 && value[1] !== 0;
    const words = Array.from({ length: value.length >> 2 }, (_, i) =>
      new DataView(value.buffer, value.byteOffset).getUint32(4 * i).toString(16),
    );
    const shown = printable
      ? JSON.stringify(new TextDecoder().decode(value.subarray(0, -1)))
      : `<${words.join(" ")}>`;
    lines.push(`${indent}  ${name} = ${shown}`);
  }
  for (const child of node.children) lines.push(print(child, `${indent}  `));
  return [...lines, `${indent}}`].join("\n");
}

test("the board's tree", () => {
  const { blob } = placeBoardTree(SHAPE);
  const tree = parseFdt(blob);
  expect(tree).not.toBeNull();
  expect(print(tree!)).toMatchInlineSnapshot(`
    "/ {
      #address-cells = <2>
      #size-cells = <2>
      compatible = "riscv-virtio"
      model = "hartlab,virt"
      chosen {
        bootargs = "seed=7 task=churn@all"
        stdout-path = "/soc/serial@10000000"
      }
      poweroff {
        value = <5555>
        offset = <0>
        regmap = <4>
        compatible = "syscon-poweroff"
      }
      reboot {
        value = <7777>
        offset = <0>
        regmap = <4>
        compatible = "syscon-reboot"
      }
      memory@80000000 {
        device_type = "memory"
        reg = <0 80000000 0 4000000>
      }
      cpus {
        #address-cells = <1>
        #size-cells = <0>
        timebase-frequency = <989680>
        cpu@0 {
          device_type = "cpu"
          reg = <0>
          status = "okay"
          compatible = "riscv"
          riscv,isa = "rv32imac_zicsr_zifencei_zihintpause"
          mmu-type = "riscv,sv32"
          interrupt-controller {
            #interrupt-cells = <1>
            interrupt-controller = <>
            compatible = "riscv,cpu-intc"
            phandle = <1>
          }
        }
        cpu@1 {
          device_type = "cpu"
          reg = <1>
          status = "okay"
          compatible = "riscv"
          riscv,isa = "rv32imac_zicsr_zifencei_zihintpause"
          mmu-type = "riscv,sv32"
          interrupt-controller {
            #interrupt-cells = <1>
            interrupt-controller = <>
            compatible = "riscv,cpu-intc"
            phandle = <2>
          }
        }
      }
      soc {
        #address-cells = <2>
        #size-cells = <2>
        compatible = "simple-bus"
        ranges = <>
        serial@10000000 {
          interrupts = <a>
          interrupt-parent = <3>
          clock-frequency = <384000>
          reg = <0 10000000 0 100>
          compatible = "ns16550a"
        }
        test@100000 {
          phandle = <4>
          reg = <0 100000 0 1000>
          compatible = "sifive,test1\\u0000sifive,test0\\u0000syscon"
        }
        virtio_mmio@10008000 {
          interrupts = <8>
          interrupt-parent = <3>
          reg = <0 10008000 0 1000>
          compatible = "virtio,mmio"
        }
        virtio_mmio@10007000 {
          interrupts = <7>
          interrupt-parent = <3>
          reg = <0 10007000 0 1000>
          compatible = "virtio,mmio"
        }
        virtio_mmio@10006000 {
          interrupts = <6>
          interrupt-parent = <3>
          reg = <0 10006000 0 1000>
          compatible = "virtio,mmio"
        }
        virtio_mmio@10005000 {
          interrupts = <5>
          interrupt-parent = <3>
          reg = <0 10005000 0 1000>
          compatible = "virtio,mmio"
        }
        virtio_mmio@10004000 {
          interrupts = <4>
          interrupt-parent = <3>
          reg = <0 10004000 0 1000>
          compatible = "virtio,mmio"
        }
        virtio_mmio@10003000 {
          interrupts = <3>
          interrupt-parent = <3>
          reg = <0 10003000 0 1000>
          compatible = "virtio,mmio"
        }
        virtio_mmio@10002000 {
          interrupts = <2>
          interrupt-parent = <3>
          reg = <0 10002000 0 1000>
          compatible = "virtio,mmio"
        }
        virtio_mmio@10001000 {
          interrupts = <1>
          interrupt-parent = <3>
          reg = <0 10001000 0 1000>
          compatible = "virtio,mmio"
        }
        plic@c000000 {
          phandle = <3>
          riscv,ndev = <60>
          reg = <0 c000000 0 600000>
          interrupts-extended = <1 b 1 9 2 b 2 9>
          interrupt-controller = <>
          compatible = "sifive,plic-1.0.0\\u0000riscv,plic0"
          #address-cells = <0>
          #interrupt-cells = <1>
        }
        clint@2000000 {
          interrupts-extended = <1 3 1 7 2 3 2 7>
          reg = <0 2000000 0 10000>
          compatible = "sifive,clint0\\u0000riscv,clint0"
        }
        lab@10200000 {
          interrupts = <28>
          interrupt-parent = <3>
          reg = <0 10200000 0 1000>
          compatible = "hartlab,lab"
        }
      }
    }"
  `);
});

test("the tree lies in the last 2 MiB below 3 GiB that hold it, as QEMU has it, and only a board with a lab has its node", () => {
  expect(placeBoardTree(SHAPE).address).toBe(0x83e0_0000);
  expect(placeBoardTree({ ...SHAPE, memoryBytes: 9 << 20 }).address).toBe(0x8080_0000);
  expect(placeBoardTree({ ...SHAPE, memoryBytes: 2 ** 31 }).address).toBe(0xbfe0_0000);
  const bare = parseFdt(placeBoardTree({ ...SHAPE, lab: false }).blob)!;
  expect(findNode(bare, "/soc/lab@10200000")).toBeNull();
});

describe("the format", () => {
  const leaf = {
    name: "leaf@1",
    properties: [["odd", Uint8Array.of(1, 2, 3)]],
    children: [],
  } as const;
  const root: FdtNode = {
    name: "",
    properties: [
      ["a", cells(1, -1)],
      ["b", text("x", "yz")],
      ["flag", new Uint8Array(0)],
    ],
    children: [leaf, { name: "empty", properties: [["a", text("again")]], children: [leaf] }],
  };

  test("reads back what was written", () => {
    expect(parseFdt(encodeFdt(root))).toEqual(root);
    expect(findProperty(findNode(root, "/empty/leaf@1")!, "odd")).toEqual(Uint8Array.of(1, 2, 3));
    expect(findProperty(root, "none")).toBeNull();
  });

  test("damaged blobs are refused, never followed", () => {
    const blob = encodeFdt(root);
    for (let length = 0; length < blob.length; length++) {
      expect(parseFdt(blob.subarray(0, length))).toBeNull();
    }
    for (let at = 0; at < blob.length; at++) {
      const damaged = blob.slice();
      damaged[at]! ^= 0xff;
      parseFdt(damaged);
    }
  });
});
