// An uncontended ticket lock with preemption and interrupts off: spin_lock_irqsave and spin_unlock_irqrestore, and a counter.

const MSTATUS = 0x300;
const MIE = 8;

class task_struct {
  preempt_count: u32;
  need_resched: u32;
}
class spinlock_t {
  slock: u32;
}
const task = new task_struct();
const lock = new spinlock_t();
let counter: u32 = 0;
let rescheduled: u32 = 0;

function schedule(): void {
  "noinline";
  rescheduled += 1;
}

function spin_lock_irqsave(l: spinlock_t): u32 {
  "noinline";
  const flags = csrReadClear(MSTATUS, MIE) & MIE;
  WRITE_ONCE(task.preempt_count, READ_ONCE(task.preempt_count) + 1);
  const ticket = amoAdd(addressOf(l.slock), 0x1_0000);
  if ((ticket & 0xffff) !== ticket >>> 16) while ((READ_ONCE(l.slock) & 0xffff) !== ticket >>> 16) pause();
  return flags;
}

function spin_unlock_irqrestore(l: spinlock_t, flags: u32): void {
  "noinline";
  fence("rw", "w");
  const owner = cast<Ptr<u16>>(addr(l));
  WRITE_ONCE(owner[0], u16(READ_ONCE(owner[0]) + 1));
  csrReadSet(MSTATUS, flags);
  WRITE_ONCE(task.preempt_count, READ_ONCE(task.preempt_count) - 1);
  if (READ_ONCE(task.preempt_count) === 0 && READ_ONCE(task.need_resched) !== 0) schedule();
}

export function kernel_main(): u32 {
  for (let i: u32 = 0; i < 1000; i++) {
    const flags = spin_lock_irqsave(lock);
    counter += i;
    spin_unlock_irqrestore(lock, flags);
  }
  return rescheduled;
}
