#include "types.h"

struct task_struct {
  u32 preempt_count, need_resched;
};
typedef struct {
  u32 slock;
} spinlock_t;
static struct task_struct task;
static spinlock_t lock;
static u32 counter, rescheduled;

static noinline void schedule(void) { rescheduled += 1; }

static noinline u32 spin_lock_irqsave(spinlock_t *l) {
  u32 flags;
  __asm__ volatile("csrrc %0, mstatus, 8" : "=r"(flags)::"memory");
  flags &= 8;
  WRITE_ONCE(task.preempt_count, READ_ONCE(task.preempt_count) + 1);
  u32 ticket;
  __asm__ volatile("amoadd.w.aqrl %0, %2, %1" : "=r"(ticket), "+A"(l->slock) : "r"(0x10000) : "memory");
  if ((ticket & 0xffff) != ticket >> 16)
    while ((READ_ONCE(l->slock) & 0xffff) != ticket >> 16) __asm__ volatile(".word 0x0100000f");
  return flags;
}

static noinline void spin_unlock_irqrestore(spinlock_t *l, u32 flags) {
  __asm__ volatile("fence rw, w" ::: "memory");
  u16 *owner = (u16 *)l;
  WRITE_ONCE(owner[0], (u16)(READ_ONCE(owner[0]) + 1));
  __asm__ volatile("csrs mstatus, %0" ::"r"(flags) : "memory");
  WRITE_ONCE(task.preempt_count, READ_ONCE(task.preempt_count) - 1);
  if (READ_ONCE(task.preempt_count) == 0 && READ_ONCE(task.need_resched) != 0) schedule();
}

u32 kernel_main(void) {
  for (u32 i = 0; i < 1000; i++) {
    u32 flags = spin_lock_irqsave(&lock);
    counter += i;
    spin_unlock_irqrestore(&lock, flags);
  }
  return rescheduled;
}
