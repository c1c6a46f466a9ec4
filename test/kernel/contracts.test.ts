/**
 * The kernel's own functions state their contracts (src/compiler/front/contract/tags.ts): a workload that breaks one of them does
 * not compile.
 */
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { guestSources } from "../../src/cli/files.ts";
import { compileToIr, type TypeScript } from "../../src/compiler/front/index.ts";
import { ROOT } from "../tidy/sources.ts";

const ts = createRequire(import.meta.url)("typescript") as TypeScript;
const files = guestSources(ROOT);
const ENTRIES = ["firmware/start.ts", "kernel/arch/head.ts", "kernel/init/main.ts"];

function problems(workload: string, text: string): string[] {
  const unit = compileToIr(ts, { files: new Map([...files, [workload, text]]), entries: ENTRIES, workload, tasks: [], config: {} });
  return unit.ok ? [] : unit.problems.map(({ message }) => message);
}

const HEAD = `
import { timer_list, timer_setup, msleep } from "../sched/timer.ts";
import { GFP_ATOMIC, GFP_KERNEL } from "../mm/gfp.ts";
import { kmalloc } from "../mm/slab.ts";
import { rcu_head, call_rcu, synchronize_rcu } from "../rcu/rcu.ts";
import { mutex, mutex_lock, mutex_trylock, mutex_unlock } from "../locking/mutex.ts";
import { spinlock_t, spin_lock_irqsave, spin_unlock_irqrestore } from "../locking/spinlock.ts";
import { completion, wait_for_completion } from "../sched/completion.ts";
import { smp_call_function } from "../irq/smp.ts";
const timer = new timer_list();
const head = new rcu_head();
const lock = new mutex();
const spin = new spinlock_t();
const done = new completion();
let word: u32 = 0;
`;
const CASES: readonly (readonly [source: string, problem: string | null])[] = [
  ["function fn(x: timer_list): void { word += kmalloc(8, GFP_ATOMIC) + x.cpu; }\nexport function t(a: u32): void { timer_setup(timer, fn); msleep(a); }", null],
  ["function fn(x: timer_list): void { word += kmalloc(8, GFP_KERNEL) + x.cpu; }\nexport function t(a: u32): void { timer_setup(timer, fn); msleep(a); }", "timer_setup calls fn where nothing may sleep, and kmalloc may: fn -> kmalloc (K126)"],
  ["function later(x: u32): void { if (x > 3) mutex_lock(lock); }\nfunction fn(x: timer_list): void { later(x.cpu); }\nexport function t(_a: u32): void { timer_setup(timer, fn); }", "timer_setup calls fn where nothing may sleep, and mutex_lock may: fn -> later -> mutex_lock (K126)"],
  ["function fn(_x: rcu_head): void { synchronize_rcu(); }\nexport function t(_a: u32): void { call_rcu(head, fn); }", "call_rcu calls fn where nothing may sleep, and synchronize_rcu may: fn -> synchronize_rcu (K126)"],
  ["function fn(x: u32): void { wait_for_completion(done); word = x; }\nexport function t(_a: u32): void { smp_call_function(fn, 1, true); }", "smp_call_function calls fn where nothing may sleep, and wait_for_completion may: fn -> wait_for_completion (K126)"],
  ["/** @atomic */\nexport function t(a: u32): void { for (let i: u32 = 0; i < a; i++) msleep(i); }", "t must not sleep, and msleep may: t -> msleep (K123)"],
  ["export function t(_a: u32): void { mutex_trylock(lock); mutex_unlock(lock); }", "the result of mutex_trylock tells whether it worked, and is dropped (K122)"],
  ["export function t(a: u32): void { const flags = spin_lock_irqsave(spin); if (a === 1) spin_unlock_irqrestore(spin, flags); spin_unlock_irqrestore(spin, flags); }", "these flags are restored a second time (K124)"],
  ["export function t(a: u32): void { const flags = spin_lock_irqsave(spin); if (a === 1) { spin_unlock_irqrestore(spin, flags); return; } spin_unlock_irqrestore(spin, flags); }", null],
];

test.each(CASES)("%s", (source, problem) => {
  expect(problems("kernel/workload/contract.ts", HEAD + source)).toEqual(problem === null ? [] : [problem]);
});
