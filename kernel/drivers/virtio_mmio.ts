// virtio over MMIO, version 2: finding devices in the device tree, and the handshake.
// Source: virtio 1.2, sections 3.1 and 4.2. Linux: drivers/virtio/virtio_mmio.c.

import {
  fdt_list_has,
  fdt_next_property,
  fdt_position,
  fdt_start,
  fdt_string_is,
  fdt_word,
} from "../arch/fdt.ts";
import { __pa } from "../arch/page.ts";
import { map_device } from "../arch/pgtable.ts";
import { machine } from "../arch/setup.ts";
import { ENODEV } from "../lib/errno.ts";
import type { vring } from "./virtio_ring.ts";

const MAGIC = 0x7472_6976;
/** Version 1, "legacy", has other registers; QEMU says it without `-global virtio-mmio.force-legacy=false`. */
const VERSION = 2;
/** Feature bit 32: a device of version 2 works by the standard. */
const VIRTIO_F_VERSION_1_HIGH = 1;

export const VIRTIO_ID_BLOCK = 2;
const enum VIRTIO_MMIO {
  MAGIC_VALUE = 0x00,
  VERSION = 0x04,
  DEVICE_ID = 0x08,
  DEVICE_FEATURES = 0x10,
  DEVICE_FEATURES_SEL = 0x14,
  DRIVER_FEATURES = 0x20,
  DRIVER_FEATURES_SEL = 0x24,
  QUEUE_SEL = 0x30,
  QUEUE_NUM_MAX = 0x34,
  QUEUE_NUM = 0x38,
  QUEUE_READY = 0x44,
  QUEUE_NOTIFY = 0x50,
  INTERRUPT_STATUS = 0x60,
  INTERRUPT_ACK = 0x64,
  STATUS = 0x70,
  QUEUE_DESC_LOW = 0x80,
  QUEUE_AVAIL_LOW = 0x90,
  QUEUE_USED_LOW = 0xa0,
  CONFIG = 0x100,
}
const enum VIRTIO_CONFIG_S {
  ACKNOWLEDGE = 1,
  DRIVER = 2,
  DRIVER_OK = 4,
  FEATURES_OK = 8,
  NEEDS_RESET = 64,
  FAILED = 128,
}

export class virtio_device {
  /** Registers, identity-mapped. */
  base: usize;
  irq: u32;
}

function read(vdev: virtio_device, register: u32): u32 {
  return READ_ONCE(cast<Ptr<u32>>(vdev.base + register)[0]);
}

function write(vdev: virtio_device, register: u32, value: u32): void {
  WRITE_ONCE(cast<Ptr<u32>>(vdev.base + register)[0], value);
}

function is_device(vdev: virtio_device, id: u32): boolean {
  map_device(vdev.base);
  return (
    read(vdev, VIRTIO_MMIO.MAGIC_VALUE) === MAGIC &&
    read(vdev, VIRTIO_MMIO.VERSION) === VERSION &&
    read(vdev, VIRTIO_MMIO.DEVICE_ID) === id
  );
}

/** The first device of that kind in the tree; -ENODEV when there is none. */
export function virtio_mmio_find(id: u32, vdev: virtio_device): i32 {
  const at = new fdt_position();
  let node: u32 = 0;
  let compatible = false;
  fdt_start(machine.fdt, at);
  for (;;) {
    const more = fdt_next_property(at);
    // The properties of a node come in any order: it is looked at when the next one begins.
    if (!more || at.node !== node) {
      if (compatible && is_device(vdev, id)) return 0;
      if (!more) return -ENODEV;
      node = at.node;
      compatible = false;
    }
    if (fdt_string_is(at.name, "compatible")) compatible = fdt_list_has(at, "virtio,mmio");
    else if (fdt_string_is(at.name, "reg")) vdev.base = fdt_word(at.value + 4);
    else if (fdt_string_is(at.name, "interrupts")) vdev.irq = fdt_word(at.value);
  }
}

/** Reset, then the features of `wanted` that the device has (low word); -ENODEV when it refuses them. */
export function virtio_features(vdev: virtio_device, wanted: u32): i32 {
  write(vdev, VIRTIO_MMIO.STATUS, 0);
  write(vdev, VIRTIO_MMIO.STATUS, VIRTIO_CONFIG_S.ACKNOWLEDGE | VIRTIO_CONFIG_S.DRIVER);
  write(vdev, VIRTIO_MMIO.DEVICE_FEATURES_SEL, 0);
  const features = read(vdev, VIRTIO_MMIO.DEVICE_FEATURES) & wanted;
  write(vdev, VIRTIO_MMIO.DRIVER_FEATURES_SEL, 0);
  write(vdev, VIRTIO_MMIO.DRIVER_FEATURES, features);
  write(vdev, VIRTIO_MMIO.DRIVER_FEATURES_SEL, 1);
  write(vdev, VIRTIO_MMIO.DRIVER_FEATURES, VIRTIO_F_VERSION_1_HIGH);
  virtio_add_status(vdev, VIRTIO_CONFIG_S.FEATURES_OK);
  if ((read(vdev, VIRTIO_MMIO.STATUS) & VIRTIO_CONFIG_S.FEATURES_OK) !== 0) return i32(features);
  virtio_add_status(vdev, VIRTIO_CONFIG_S.FAILED);
  return -ENODEV;
}

function virtio_add_status(vdev: virtio_device, bits: u32): void {
  write(vdev, VIRTIO_MMIO.STATUS, read(vdev, VIRTIO_MMIO.STATUS) | bits);
}

/** Tells the device where queue 0 is. */
export function vm_setup_vq(vdev: virtio_device, vring: vring): i32 {
  write(vdev, VIRTIO_MMIO.QUEUE_SEL, 0);
  if (read(vdev, VIRTIO_MMIO.QUEUE_NUM_MAX) < vring.num) return -ENODEV;
  write(vdev, VIRTIO_MMIO.QUEUE_NUM, vring.num);
  write(vdev, VIRTIO_MMIO.QUEUE_DESC_LOW, __pa(vring.desc));
  write(vdev, VIRTIO_MMIO.QUEUE_DESC_LOW + 4, 0);
  write(vdev, VIRTIO_MMIO.QUEUE_AVAIL_LOW, __pa(vring.avail));
  write(vdev, VIRTIO_MMIO.QUEUE_AVAIL_LOW + 4, 0);
  write(vdev, VIRTIO_MMIO.QUEUE_USED_LOW, __pa(vring.used));
  write(vdev, VIRTIO_MMIO.QUEUE_USED_LOW + 4, 0);
  write(vdev, VIRTIO_MMIO.QUEUE_READY, 1);
  return 0;
}

export function virtio_device_ready(vdev: virtio_device): void {
  virtio_add_status(vdev, VIRTIO_CONFIG_S.DRIVER_OK);
}

/** The device looks at queue 0. @atomic */
export function vm_notify(vdev: virtio_device): void {
  write(vdev, VIRTIO_MMIO.QUEUE_NOTIFY, 0);
}

/** Why it interrupts; it goes quiet. @atomic */
export function vm_interrupt(vdev: virtio_device): u32 {
  const status = read(vdev, VIRTIO_MMIO.INTERRUPT_STATUS);
  write(vdev, VIRTIO_MMIO.INTERRUPT_ACK, status);
  return status;
}

/** The device has given up because of something that we did. @atomic */
export function virtio_is_broken(vdev: virtio_device): boolean {
  return (read(vdev, VIRTIO_MMIO.STATUS) & VIRTIO_CONFIG_S.NEEDS_RESET) !== 0;
}

/** A word of the configuration space. */
export function virtio_cread32(vdev: virtio_device, offset: u32): u32 {
  return read(vdev, VIRTIO_MMIO.CONFIG + offset);
}
