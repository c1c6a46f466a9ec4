// Drives a virtio block device by hand, waiting for its interrupt each time: identity, write, read back through an
// indirect table, errors, a broken chain and the reset after it. What it prints is the same on every sound device.

import { put_decimal, put_hex, put_string } from "../../../firmware/uart.ts";
import { load32, plic_complete, plic_enable, plic_pending, plic_wait, store32 } from "./plic.ts";

const SLOTS = 0x1000_1000;
const SLOT_COUNT = 8;
const MAGIC = 0x7472_6976;
const BLOCK = 2;
const enum R { ID = 8, FEATURES = 0x10, FEATURES_SEL = 0x14, ACCEPT = 0x20, ACCEPT_SEL = 0x24, QUEUE_SEL = 0x30, SIZE_MAX = 0x34, SIZE = 0x38,
  READY = 0x44, NOTIFY = 0x50, INTERRUPT = 0x60, ACK = 0x64, STATUS = 0x70, TABLE = 0x80, AVAILABLE = 0x90, USED = 0xa0, CONFIG = 0x100 }
const RING_INDIRECT = 1 << 28;
const BLK_FLUSH = 1 << 9;
const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;
const CONFIGURATION = 2;
const QUEUE = 8;
const enum T { IN = 0, OUT = 1, FLUSH = 4 }

class descriptor {
  address: u32;
  high: u32;
  length: u32;
  flags: u16;
  next: u16;
}
class available_ring {
  flags: u16;
  index: u16;
  readonly ring = new FixedArray<u16>(QUEUE);
}
class used_entry {
  head: u32;
  written: u32;
}
class used_ring {
  flags: u16;
  index: u16;
  readonly ring = new StructArray(used_entry, QUEUE);
}
class request {
  type: u32;
  reserved: u32;
  sector: u32;
  sector_high: u32;
}

/** The descriptor table must be aligned to 16 bytes, so it is taken out of this; the indirect one likewise. */
const table_room = new FixedArray<u8>(16 * (QUEUE + 1));
const indirect_room = new FixedArray<u8>(16 * (5 + 1));
const available = new available_ring();
const used = new used_ring();
const header = new request();
const out = new FixedArray<u32>(256);
const back = new FixedArray<u32>(256);
const result = new FixedArray<u8>(4);

let device: u32 = 0;
let source: u32 = 0;
let taken: u32 = 0;

function aligned(room: Ptr<u8>): usize {
  return (addr(room) + 15) & 0xffff_fff0;
}

function say(what: string, value: u32): void {
  put_string(what);
  put_string(" ");
  put_hex(value);
  put_string("\n");
}

function find(): boolean {
  for (let slot: u32 = 0; slot < SLOT_COUNT; slot++) {
    const at = SLOTS + slot * 0x1000;
    if (load32(at) !== MAGIC || load32(at + R.ID) !== BLOCK) continue;
    device = at;
    source = slot + 1;
    put_string("slot ");
    put_decimal(slot);
    say(" version", load32(at + 4));
    return true;
  }
  return false;
}

function set_up(): void {
  store32(device + R.STATUS, 0);
  store32(device + R.STATUS, 3);
  store32(device + R.FEATURES_SEL, 1);
  say("features 32..", load32(device + R.FEATURES) & 1);
  store32(device + R.FEATURES_SEL, 0);
  say("indirect, flush", load32(device + R.FEATURES) & (RING_INDIRECT | BLK_FLUSH));
  store32(device + R.ACCEPT_SEL, 0);
  store32(device + R.ACCEPT, RING_INDIRECT | BLK_FLUSH);
  store32(device + R.ACCEPT_SEL, 1);
  store32(device + R.ACCEPT, 1);
  store32(device + R.STATUS, 11);
  say("status", load32(device + R.STATUS));
  store32(device + R.QUEUE_SEL, 1);
  say("queue 1 size", load32(device + R.SIZE_MAX));
  store32(device + R.QUEUE_SEL, 0);
  say("queue 0 size", load32(device + R.SIZE_MAX));
  store32(device + R.SIZE, QUEUE);
  store32(device + R.TABLE, aligned(table_room));
  store32(device + R.TABLE + 4, 0);
  store32(device + R.AVAILABLE, addr(available));
  store32(device + R.AVAILABLE + 4, 0);
  store32(device + R.USED, addr(used));
  store32(device + R.USED + 4, 0);
  store32(device + R.READY, 1);
  say("ready", load32(device + R.READY));
  available.index = 0;
  WRITE_ONCE(used.index, u16(0));
  taken = 0;
  store32(device + R.STATUS, 15);
}

function describe(table: usize, index: u32, address: usize, length: u32, flags: u32): void {
  const d = cast<descriptor>(table + index * 16);
  d.address = address;
  d.high = 0;
  d.length = length;
  d.flags = u16(flags);
  d.next = u16(index + 1);
}

function offer(head: u32): void {
  available.ring[u32(available.index) % QUEUE] = u16(head);
  fence("rw", "rw");
  WRITE_ONCE(available.index, u16(u32(available.index) + 1));
  fence("rw", "rw");
  store32(device + R.NOTIFY, 0);
}

/** Waits for the interrupt and says what came with it. */
function reap(): void {
  const claimed = plic_wait();
  const why = load32(device + R.INTERRUPT);
  store32(device + R.ACK, why);
  plic_complete(claimed);
  put_string(claimed === source ? "  its interrupt, why " : "  another interrupt, why ");
  put_hex(why);
  say(" pending", plic_pending());
}

function request_of(type: u32, sector: u32): void {
  header.type = type;
  header.reserved = 0;
  header.sector = sector;
  header.sector_high = 0;
  result[0] = 0xee;
}

/** A request in the queue's own table; its status. */
function transfer(type: u32, sector: u32, data: usize, length: u32): u32 {
  request_of(type, sector);
  const table = aligned(table_room);
  describe(table, 0, addr(header), 16, NEXT);
  let last: u32 = 1;
  if (length !== 0) {
    describe(table, 1, data, length, type === T.IN ? NEXT | WRITE : NEXT);
    last = 2;
  }
  describe(table, last, addr(result), 1, WRITE);
  offer(0);
  reap();
  taken++;
  return READ_ONCE(result[0]);
}

function checksum(words: Ptr<u32>, count: u32): u32 {
  let sum: u32 = 0;
  for (let i: u32 = 0; i < count; i++) sum = (sum << 5) - sum + words[i];
  return sum;
}

/** A read through an indirect table that is cut into pieces. */
function read_indirect(sector: u32): u32 {
  request_of(T.IN, sector);
  const table = aligned(indirect_room);
  describe(table, 0, addr(header), 8, NEXT);
  describe(table, 1, addr(header) + 8, 8, NEXT);
  describe(table, 2, addr(back), 700, NEXT | WRITE);
  describe(table, 3, addr(back) + 700, 324, NEXT | WRITE);
  describe(table, 4, addr(result), 1, WRITE);
  describe(aligned(table_room), 0, table, 16 * 5, INDIRECT);
  offer(0);
  reap();
  const written = used.ring[taken % QUEUE].written;
  taken++;
  say("written", written);
  return READ_ONCE(result[0]);
}

function break_queue(): void {
  const table = aligned(table_room);
  describe(table, 0, addr(header), 16, NEXT);
  describe(table, 1, addr(back), 512, NEXT | WRITE);
  const d = cast<descriptor>(table + 16);
  d.next = 1;
  offer(0);
  const claimed = plic_wait();
  const why = load32(device + R.INTERRUPT);
  store32(device + R.ACK, why);
  plic_complete(claimed);
  // QEMU sets the bit for used buffers, too.
  say("loop: why", why & CONFIGURATION);
  say("loop: status", load32(device + R.STATUS));
}

export function guest_main(): void {
  if (!find()) {
    put_string("no block device\n");
    return;
  }
  plic_enable(source);
  set_up();
  say("capacity", load32(device + R.CONFIG));
  say("block size", load32(device + R.CONFIG + 20));
  for (let i: u32 = 0; i < 256; i++) out[i] = i * 0x9e37_79b9;
  say("read", transfer(T.IN, 0, addr(back), 1024));
  say("sum", checksum(back, 256));
  say("write", transfer(T.OUT, 5, addr(out), 1024));
  say("flush", transfer(T.FLUSH, 0, 0, 0));
  say("read back", read_indirect(5));
  say("sum", checksum(back, 256));
  say("sum wanted", checksum(out, 256));
  say("used", u32(READ_ONCE(used.index)));
  say("beyond the end", transfer(T.IN, load32(device + R.CONFIG), addr(back), 512));
  say("no such type", transfer(99, 0, addr(out), 512));
  break_queue();
  set_up();
  say("read again", transfer(T.IN, 6, addr(back), 512));
  say("sum", checksum(back, 128));
}
