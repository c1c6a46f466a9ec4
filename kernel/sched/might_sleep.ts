// What might_sleep (preempt.ts) says to a caller that must not sleep, in Linux's words:
//
//   BUG: sleeping function called from invalid context at mutex_lock+0x20/0x90
//   in_atomic(): 1, irqs_disabled(): 0, non_block: 0, pid: 7, name: test/0
//   preempt_count: 1, expected: 0
//   RCU nest depth: 0, expected: 0
//   Call Trace: ...
//
// Linux names the source line where we name the function. Once a second at most. While the system boots nobody sleeps, and
// functions that might are called with interrupts off: nothing is said.

import { ATOMIC, MARK } from "../abi/marks.ts";
import { irqs_disabled } from "../arch/irqflags.ts";
import { dump_stack } from "../lib/bug.ts";
import { printk } from "../lib/printk.ts";
import { system_state, SYSTEM_BOOTING } from "../lib/system_state.ts";
import { HZ, jiffies, time_before } from "./clock.ts";
import { context_word } from "./preempt.ts";
import { get_current } from "./task.ts";

/** Jiffies of the last complaint; 0: there was none. */
let last_complaint: u32 = 0;

export function __might_sleep(): void {
  "noinline";
  const site = cast<Ptr<usize>>(framePointer() - 4)[0];
  if (system_state() === SYSTEM_BOOTING) return;
  traceMark(MARK.ATOMIC_SLEEP, context_word(), ATOMIC.might);
  const now = jiffies();
  if (last_complaint !== 0 && time_before(now, last_complaint + HZ)) return;
  last_complaint = now === 0 ? 1 : now;
  const task = get_current();
  const count = task.preempt_count;
  printk("BUG: sleeping function called from invalid context at %pB\n", site);
  printk("in_atomic(): %u, irqs_disabled(): %u, non_block: 0, pid: %u, name: %s\n",
    u32(count !== 0), u32(irqs_disabled()), task.pid, addr(task.comm));
  printk("preempt_count: %x, expected: 0\n", count);
  printk("RCU nest depth: %u, expected: 0\n", task.rcu_read_lock_nesting);
  dump_stack();
}
