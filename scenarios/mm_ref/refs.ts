// The workload of scenarios/mm_ref: an address space, its owner (task first), somebody else who has a reference to it (task second), and one
// mistake with a reference, which the boot parameter `case` names. With `refs=right` everybody does it right.

import { CSR_INSTRET } from "kernel/arch/csr.ts";
import { atomic_read } from "kernel/lib/atomic.ts";
import { get_option } from "kernel/lib/cmdline.ts";
import { point } from "kernel/lib/point.ts";
import { pr_info } from "kernel/lib/printk.ts";
import { strcmp } from "kernel/lib/string.ts";
import { move_mm_users_ref } from "kernel/mm/mm_ref/mm_ref.ts";
import { mm_refs_show } from "kernel/mm/mm_ref/report.ts";
import { mm_ref, TRACKED } from "kernel/mm/mm_ref/types.ts";
import { mm_alloc, mmdrop, mmget, mmgrab, mmput } from "kernel/mm/mm_struct.ts";
import { mm_struct } from "kernel/mm/mm_types.ts";
import { yield_cpu } from "kernel/sched/core.ts";
import { kthread_run } from "kernel/sched/kthread.ts";
import { msleep } from "kernel/sched/timer.ts";

let mm: mm_struct;
const owner_ref = new mm_ref();
const first_ref = new mm_ref();
const second_ref = new mm_ref();
const other_ref = new mm_ref();

/** Who has come how far; each waits for the other. */
let phase: u32 = 0;

function reach(n: u32): void {
  fence("rw", "w");
  WRITE_ONCE(phase, n);
}

function wait_for(n: u32): void {
  while (READ_ONCE(phase) < n) yield_cpu();
  fence("r", "rw");
}

function is(name: string): boolean {
  return strcmp(get_option("case", "none"), name) === 0;
}

function right(): boolean {
  return strcmp(get_option("refs", "wrong"), "right") === 0;
}

/** What an owner does with what he owns. */
function use_address_space(): void {
  "noinline";
  pr_info("pages: %u\n", u32(atomic_read(mm.anon_pages)));
}

/** Owner and holder are the same task. */
function put_twice(): void {
  "noinline";
  mmget(mm, first_ref);
  mmput(mm, first_ref);
  if (!right()) mmput(mm, first_ref);
}

function put_by(ref: mm_ref): void {
  "noinline";
  mmput(mm, ref);
}

function take_and_hand_over(): void {
  "noinline";
  mmget(mm, first_ref);
  if (is("E7") || right()) move_mm_users_ref(mm, first_ref, second_ref);
  // The tracker is in the pointer's word, and goes with it.
  else if (TRACKED) second_ref.tracked[0].tracker = first_ref.tracked[0].tracker;
}

/** Leaves its frame with a reference that is identified by a part of it. */
function forget_on_stack(_arg: u32): void {
  "noinline";
  const ref = new mm_ref();
  mmget(mm, ref);
  if (right()) mmput(mm, ref);
}

function of_another(): void {
  "noinline";
  const ref = new mm_ref();
  const another = mm_alloc(ref)!;
  mmget(mm, first_ref);
  mmget(another, other_ref);
  mmput(mm, right() ? first_ref : other_ref);
  point("put_by_wrong_ref");
  if (right() || !is("E4")) mmput(another, other_ref);
  else put_own(another);
  mmput(another, ref);
}

/** The victim of of_another: it does what it should. */
function put_own(another: mm_struct): void {
  "noinline";
  mmput(another, other_ref);
}

// ---- the other one ----

/** Has a reference of its own, or believes to. */
function hold(): void {
  "noinline";
  if (right() || !is("E6")) mmget(mm, second_ref);
}

function holder(): void {
  "noinline";
  hold();
  reach(2);
  point("second_has");
  wait_for(3);
  if (is("E5") && !right()) return;
  if (is("E10")) {
    mm_refs_show(mm);
    if (!right()) {
      mmdrop(mm, second_ref);
      return;
    }
  }
  put_by(second_ref);
}

export function second(_arg: u32): void {
  "noinline";
  wait_for(1);
  if (is("E7") || is("E8")) put_by(second_ref);
  else if (is("MR4")) put_by(right() ? second_ref : first_ref);
  else if (is("E2") || is("E3") || is("E5") || is("E6") || is("E10")) holder();
  else if (is("E9")) {
    mmget(mm, second_ref);
    put_by(second_ref);
  }
  point("second_done");
  reach(4);
}

// ---- the owner ----

function act(): void {
  "noinline";
  if (is("E1")) put_twice();
  else if (is("E4")) of_another();
  else if (is("E7") || is("E8")) take_and_hand_over();
  else if (is("MR4")) {
    mmget(mm, first_ref);
    if (right()) mmget(mm, second_ref);
  } else if (is("E9")) {
    kthread_run(forget_on_stack, 0, "forgetful");
    msleep(2);
  }
  reach(1);
}

/** Once the other one has his reference. */
function act_beside(): void {
  "noinline";
  if (is("MR4")) put_by(first_ref);
  if (!is("E2") && !is("E3") && !is("E5") && !is("E6") && !is("E10")) return;
  wait_for(2);
  if (is("E2") || is("E3")) {
    mmget(mm, first_ref);
    const wrong = is("E3") ? second_ref : other_ref;
    put_by(right() ? first_ref : wrong);
    point("put_by_wrong_ref");
  }
  reach(3);
}

export function first(_arg: u32): void {
  "noinline";
  if (is("cost")) cost();
  mm = mm_alloc(owner_ref)!;
  act();
  act_beside();
  wait_for(4);
  use_address_space();
  mmput(mm, owner_ref);
}

// ---- what it costs ----

const ROUNDS = 64;

function instructions(): u32 {
  "inline";
  return csrRead(CSR_INSTRET);
}

/** Of both counts: the least of many, since the tick may come between. */
function cost(): void {
  "noinline";
  const owner = new mm_ref();
  const ref = new mm_ref();
  const space = mm_alloc(owner)!;
  let nothing: u32 = 0xffff_ffff;
  let users: u32 = 0xffff_ffff;
  let structure: u32 = 0xffff_ffff;
  for (let round: u32 = 0; round < ROUNDS; round++) {
    let from = instructions();
    let spent = instructions() - from;
    if (spent < nothing) nothing = spent;
    from = instructions();
    mmget(space, ref);
    mmput(space, ref);
    spent = instructions() - from;
    if (spent < users) users = spent;
    from = instructions();
    mmgrab(space, ref);
    mmdrop(space, ref);
    spent = instructions() - from;
    if (spent < structure) structure = spent;
  }
  mmput(space, owner);
  pr_info("cost: %u instructions mmget and mmput, %u mmgrab and mmdrop\n", users - nothing, structure - nothing);
  pr_info("cost: %u bytes an identity, %u an mm_struct\n", sizeof<mm_ref>(), sizeof<mm_struct>());
}
