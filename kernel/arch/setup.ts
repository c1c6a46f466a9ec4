// What the device tree says about this machine.
//
// Properties of a node come in any order, so the walk collects the properties of one node in `node` and looks at them
// when the next node begins. Address and size cells are 2 (as on QEMU's virt); harts are numbered by one cell.

import { console_setup } from "./console.ts";
import { add_possible_cpu, cpuid_to_hartid_map, nr_cpu_ids } from "./cpumask.ts";
import { IRQ_S_EXTERNAL } from "./csr.ts";
import {
  fdt_list_has,
  fdt_next_property,
  fdt_path,
  fdt_position,
  fdt_start,
  fdt_string_is,
  fdt_string_starts,
  fdt_valid,
  fdt_word,
} from "./fdt.ts";
import { __pa, LINEAR_MAX, PHYS_OFFSET } from "./page.ts";
import { NR_CPUS } from "./percpu.ts";
import { map_device, map_device_tree, trim_linear_map } from "./pgtable.ts";
import { plic_set_context, plic_setup } from "./plic.ts";
import { set_timebase } from "./time.ts";

class machine_description {
  /** First byte behind the RAM that the kernel may use (the device tree lies above it); physical. */
  memory_end: usize;
  ram_end: usize;
  fdt: usize;
  /** NUL-terminated boot arguments, inside the device tree. */
  bootargs: usize;
  /** Registers of the lab device (0: there is none) and its interrupt source. */
  lab_base: usize;
  lab_irq: u32;
}
export const machine = new machine_description();

/** Harts in the order of the tree; the boot hart becomes CPU 0. */
class hart_list {
  count: u32;
  readonly id = new FixedArray<u32>(NR_CPUS);
  /** Phandle of the hart's own interrupt controller. */
  readonly intc = new FixedArray<u32>(NR_CPUS);
}
const hart_nodes = new hart_list();

const enum DEVICE {
  NONE,
  UART,
  PLIC,
  LAB,
}

/** Properties of the node that the walk is in. */
class node_properties {
  kind: u32;
  reg: usize;
  interrupt: u32;
  /** interrupts-extended. */
  wires: usize;
  wires_length: u32;
}

/** Kept until the harts are known. */
const plic_node = new node_properties();

function finish_node(node: node_properties): void {
  if (node.kind === DEVICE.UART) {
    map_device(node.reg);
    console_setup(node.reg);
  } else if (node.kind === DEVICE.PLIC) {
    map_device(node.reg);
    plic_setup(node.reg);
    plic_node.wires = node.wires;
    plic_node.wires_length = node.wires_length;
  } else if (node.kind === DEVICE.LAB) {
    map_device(node.reg);
    machine.lab_base = node.reg;
    machine.lab_irq = node.interrupt;
  }
  node.kind = DEVICE.NONE;
}

function device_property(at: fdt_position, node: node_properties): void {
  if (fdt_string_is(at.name, "compatible")) {
    if (fdt_list_has(at, "ns16550a")) node.kind = DEVICE.UART;
    else if (fdt_list_has(at, "sifive,plic-1.0.0") || fdt_list_has(at, "riscv,plic0"))
      node.kind = DEVICE.PLIC;
    else if (fdt_list_has(at, "hartlab,lab")) node.kind = DEVICE.LAB;
  } else if (fdt_string_is(at.name, "reg")) {
    node.reg = fdt_word(at.value + 4);
  } else if (fdt_string_is(at.name, "interrupts")) {
    node.interrupt = fdt_word(at.value);
  } else if (fdt_string_is(at.name, "interrupts-extended")) {
    node.wires = at.value;
    node.wires_length = at.length;
  }
}

function cpu_property(at: fdt_position): void {
  if (at.depth === 2) {
    if (fdt_string_is(at.name, "timebase-frequency")) set_timebase(fdt_word(at.value));
    return;
  }
  if (!fdt_string_starts(fdt_path(at, 2), "cpu@") || hart_nodes.count > NR_CPUS) return;
  if (at.depth === 3 && fdt_string_is(at.name, "reg") && hart_nodes.count < NR_CPUS) {
    hart_nodes.id[hart_nodes.count] = fdt_word(at.value);
    hart_nodes.count += 1;
  }
}

/** The phandle of a cpu's interrupt-controller child: the properties of the cpu itself come before its children. */
function intc_property(at: fdt_position): void {
  if (at.depth === 4 && fdt_string_is(at.name, "phandle") && hart_nodes.count !== 0) {
    hart_nodes.intc[hart_nodes.count - 1] = fdt_word(at.value);
  }
}

function memory_property(at: fdt_position): void {
  if (!fdt_string_is(at.name, "reg")) return;
  const base = fdt_word(at.value + 4);
  // Sizes of 4 GiB and more, and what does not fit the linear map, stay unused.
  const size = fdt_word(at.value + 8) !== 0 ? 0xffff_ffff - base : fdt_word(at.value + 12);
  if (PHYS_OFFSET - base >= size) return;
  machine.ram_end = base + size;
  if (machine.ram_end - PHYS_OFFSET > LINEAR_MAX) machine.ram_end = PHYS_OFFSET + LINEAR_MAX;
}

function one_property(at: fdt_position, node: node_properties): void {
  if (at.depth < 2) return;
  const top = fdt_path(at, 1);
  if (fdt_string_is(top, "chosen")) {
    if (fdt_string_is(at.name, "bootargs")) machine.bootargs = at.value;
  } else if (fdt_string_starts(top, "memory@")) {
    memory_property(at);
  } else if (fdt_string_is(top, "cpus")) {
    cpu_property(at);
    intc_property(at);
  } else {
    device_property(at, node);
  }
}

/** Context c of the PLIC raises the cause (second word) on the hart whose controller has the phandle (first word). */
function map_plic_contexts(): void {
  for (let c: u32 = 0; c < plic_node.wires_length / 8; c++) {
    const wire = plic_node.wires + c * 8;
    if (fdt_word(wire + 4) !== IRQ_S_EXTERNAL) continue;
    for (let i: u32 = 0; i < hart_nodes.count; i++) {
      if (hart_nodes.intc[i] !== fdt_word(wire)) continue;
      for (let cpu: u32 = 0; cpu < nr_cpu_ids; cpu++) {
        if (cpuid_to_hartid_map[cpu] === hart_nodes.id[i]) plic_set_context(cpu, c);
      }
    }
  }
}

/** Reads the tree at the physical address `fdt`; false when there is none. */
export function setup_arch(boot_hart: u32, fdt: usize): boolean {
  machine.fdt = map_device_tree(fdt);
  if (!fdt_valid(machine.fdt)) return false;
  const at = new fdt_position();
  const node = new node_properties();
  node.kind = DEVICE.NONE;
  let current: u32 = 0;
  fdt_start(machine.fdt, at);
  while (fdt_next_property(at)) {
    if (at.node !== current) finish_node(node);
    current = at.node;
    one_property(at, node);
  }
  finish_node(node);

  add_possible_cpu(boot_hart);
  for (let i: u32 = 0; i < hart_nodes.count; i++) {
    if (hart_nodes.id[i] !== boot_hart) add_possible_cpu(hart_nodes.id[i]);
  }
  map_plic_contexts();
  // The tree lies in the topmost RAM: what is below it is free.
  machine.memory_end = machine.ram_end;
  if (fdt < machine.ram_end && fdt > __pa(linkerSymbol("_end"))) machine.memory_end = fdt & ~4095;
  trim_linear_map(machine.ram_end);
  return true;
}
