// The queued word (spinlock.kind = mcs), after Linux's qspinlock: those who wait stand in a queue (Mellor-Crummey and Scott, 1991),
// each spinning at a node of its own CPU, so that an unlock disturbs one CPU only.
//
// The word: LOCKED in its low byte; in its high half the tail of the queue, 0 when nobody waits: (CPU + 1) << 2 | index of the node.
//   free, nobody waits     0 -> LOCKED                                the fast path, one CMPXCHG
//   taken                  put a node of mine in the place of the tail; link the former tail to it; spin at node.served
//   first in the queue     spin at the low byte; take it by storing LOCKED there, and the tail too if it is still mine; serve the next
//   unlock                 store 0 to the low byte
// First come, first served: only the first in the queue takes a word with a tail in it, and nobody else changes LOCKED there.
//
// A CPU waits for at most four locks at a time: a task, a softirq on top of it, an interrupt, an NMI; preemption is off. A fifth would
// have no node and spins without a place in the queue. Before the per-CPU areas exist there is one CPU, and nobody waits.

import { smp_processor_id } from "../sched/task.ts";

export const QUEUED_LOCKED = 1;
const LOCKED_MASK = 0xff;
const TAIL_SHIFT = 16;
const NODES = 4;

class mcs_node {
  /** Who stands behind; null: nobody yet. */
  next: mcs_node | null;
  /** 1: first in the queue. */
  served: u32;
}

class mcs_cpu {
  /** Nodes in use. */
  nesting: u32;
  readonly nodes = new StructArray<mcs_node>(mcs_node, NODES);
}
const mcs_nodes = new PerCpu(mcs_cpu);

function node_of(tail: u32): mcs_node {
  "inline";
  return mcs_nodes.of((tail >>> 2) - 1).nodes[tail & (NODES - 1)];
}

function wait_without_node(word: Ptr<u32>): void {
  while (CMPXCHG(word[0], 0, QUEUED_LOCKED) !== 0) pause();
}

/** Puts `tail` in the place of the queue's tail; the old one. */
function exchange_tail(word: Ptr<u32>, tail: u32): u32 {
  "inline";
  for (;;) {
    const old = READ_ONCE(word[0]);
    if (CMPXCHG(word[0], old, (old & LOCKED_MASK) | (tail << TAIL_SHIFT)) === old) return old >>> TAIL_SHIFT;
  }
}

/** First in the queue: takes the word once it is free, and lets the next one be first. */
function take_as_first(word: Ptr<u32>, tail: u32, node: mcs_node): void {
  "inline";
  let value = READ_ONCE(word[0]);
  while ((value & LOCKED_MASK) !== 0) {
    pause();
    value = READ_ONCE(word[0]);
  }
  if (value >>> TAIL_SHIFT === tail && CMPXCHG(word[0], value, QUEUED_LOCKED) === value) return;
  // Somebody stands behind. Others change only the tail: the low byte is mine to write.
  WRITE_ONCE(cast<Ptr<u8>>(addr(word))[0], QUEUED_LOCKED);
  fence("rw", "rw");
  let next = READ_ONCE(node.next);
  while (next === null) {
    pause();
    next = READ_ONCE(node.next);
  }
  WRITE_ONCE(next.served, 1);
}

/** The word was not free. Preemption is off. */
export function queued_wait(word: Ptr<u32>): void {
  "noinline";
  const mine = mcs_nodes.current();
  const index = mine.nesting;
  if (unlikely(index >= NODES)) {
    wait_without_node(word);
    return;
  }
  mine.nesting = index + 1;
  barrier();
  const node = mine.nodes[index];
  node.next = null;
  node.served = 0;
  const tail = ((smp_processor_id() + 1) << 2) | index;
  const before = exchange_tail(word, tail);
  if (before !== 0) {
    WRITE_ONCE(node_of(before).next, node);
    while (READ_ONCE(node.served) === 0) pause();
    fence("r", "rw");
  }
  take_as_first(word, tail, node);
  barrier();
  mine.nesting = index;
}

export function queued_release(word: Ptr<u32>): void {
  "inline";
  fence("rw", "w");
  WRITE_ONCE(cast<Ptr<u8>>(addr(word))[0], 0);
}
