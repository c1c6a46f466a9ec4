// The workload of kmemleak/control: the control file from its first command to its last, each with what comes of it.

import { scenario_stop } from "kernel/init/scenario.ts";
import { panic } from "kernel/lib/bug.ts";
import { EBUSY } from "kernel/lib/errno.ts";
import { GFP_KERNEL } from "kernel/mm/gfp.ts";
import { kmemleak_write } from "kernel/mm/kmemleak/control.ts";
import { kmemleak_scans } from "kernel/mm/kmemleak/scan.ts";
import { kmemleak_seq_read } from "kernel/mm/kmemleak/seq.ts";
import { kzalloc } from "kernel/mm/slab.ts";
import { msleep } from "kernel/sched/timer.ts";

let done: boolean = false;

export function lose(_arg: u32): void {
  "noinline";
  kzalloc(96, GFP_KERNEL);
}

/** Only a local variable has the block's address. */
export function keep_on_stack(_arg: u32): void {
  "noinline";
  const kept = new FixedArray<usize>(2);
  kept[0] = kzalloc(160, GFP_KERNEL);
  while (!READ_ONCE(done)) msleep(2);
}

function expect(command: string, result: i32): void {
  const got = kmemleak_write(command);
  if (got !== result) panic("%s gives %d", addr(command), got);
}

/** Reads the file. */
function expect_leaks(leaks: u32): void {
  const got = kmemleak_seq_read();
  if (got !== leaks) panic("the file has %u leaks, expected %u", got, leaks);
}

function scan_and_expect(leaks: u32): void {
  expect("scan", 0);
  expect_leaks(leaks);
}

export function use_file(_arg: u32): void {
  "noinline";
  scan_and_expect(1);
  expect("stack=off", 0);
  scan_and_expect(2);
  expect("stack=on", 0);
  scan_and_expect(1);
  expect("clear", 0);
  scan_and_expect(0);

  const scans = kmemleak_scans();
  expect("scan=1", 0);
  msleep(10);
  if (kmemleak_scans() === scans) panic("the scan thread does not scan");
  expect("scan=off", 0);
}

export function switch_off(_arg: u32): void {
  "noinline";
  scan_and_expect(1);
  expect("off", 0);
  expect("scan", -EBUSY);
  expect("stack=on", -EBUSY);
  expect("scan=on", -EBUSY);
  expect("dump=0xc0000000", -EBUSY);
  // What was found stays until it is cleared.
  expect_leaks(1);
  expect("clear", 0);
  expect_leaks(0);
  WRITE_ONCE(done, true);
  scenario_stop();
}
