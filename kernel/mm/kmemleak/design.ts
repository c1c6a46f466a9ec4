// What each published design of kmemleak has, and which defect this build is seeded with: the one place that reads the keys.
//
//                        km08            km08-fix        km09            km19
//   published            Nov 2008        its review      2.6.31          5.0
//   index                intervals, only an identical one is refused     red-black tree, any overlap is refused
//   locks                tree rwlock, list spinlock      one rwlock for both
//   leaves the list      at its last put                 together with the tree
//   born                 without colour (count -1)                       white
//   already tracked      panic           panic           disable         disable
//   locks that object    yes             no              yes             no        under the tree's lock: the inversion of 2008
//   read with            no interrupts, whole blocks                     4 KiB at a time
//   young blocks         minimum age                                     and a checksum that changes
//   vmalloc needs        two hits        two             three           two, and excess_ref
//   reading the file     scans           scans           scans           shows what the last scan found
// Everything here is a constant, so that what a build does not have is not in it.

import { CONFIG, DESIGN, KMEMLEAK_BUG, KMEMLEAK_FILTER, KMEMLEAK_FREE, KMEMLEAK_INDEX, KMEMLEAK_METADATA, KMEMLEAK_WALK } from "config";
import { RT } from "../../locking/spinlock.ts";

const BUG: KMEMLEAK_BUG = CONFIG.kmemleak.bug;
const KM08: boolean = CONFIG.kmemleak.design === DESIGN.km08;
const KM09: boolean = CONFIG.kmemleak.design === DESIGN.km09;
export const KM19: boolean = CONFIG.kmemleak.design === DESIGN.km19;

/** The tree has a lock and the list has one; else one lock is for both. */
export const TWO_LOCKS: boolean = !KM09 && !KM19;
/** Who finds a block tracked already takes that object's lock to print it. */
export const LOCKS_EXISTING: boolean = KM08 || KM09;
export const PANICS: boolean = TWO_LOCKS;
/** The file shows at most REPORTS_NR blocks, and reading it scans. */
export const READING_SCANS: boolean = !KM19;
/** 0: whole blocks. */
export const CHUNK_BYTES: u32 = KM19 ? CONFIG.kmemleak.chunk & ~3 : 0;
/** Walks of object_list give way: with a reference alone, or with a mark as well (walk.ts). */
export const WALK_GIVES_WAY: boolean = KM19 && CONFIG.kmemleak.walk !== KMEMLEAK_WALK.whole;
export const WALK_MARKS: boolean = KM19 && CONFIG.kmemleak.walk === KMEMLEAK_WALK.resched;
export const CHECKSUMS: boolean = KM19 && BUG !== KMEMLEAK_BUG.no_checksum;
export const EXCESS_REF: boolean = KM19 && BUG !== KMEMLEAK_BUG.no_excess_ref;

/** V1: readers look up inside an RCU read section alone, and erasing and rotating hide live nodes from them. */
export const PLAIN_ERASE: boolean = KM19 && CONFIG.kmemleak.index === KMEMLEAK_INDEX.rcu_plain_erase;
/** V4a: such a reader looks again when a writer was there. */
export const SEQCOUNT: boolean = KM19 && CONFIG.kmemleak.index === KMEMLEAK_INDEX.seqcount;
/** V4b: there are two trees, one of which stands still. */
export const LATCH: boolean = KM19 && CONFIG.kmemleak.index === KMEMLEAK_INDEX.latch;
/** V4e: what is found is right; who finds nothing while a writer was there looks again under the lock. */
export const OPTIMISTIC: boolean = KM19 && CONFIG.kmemleak.index === KMEMLEAK_INDEX.optimistic;
/** V4c: a tree is never changed, but replaced by another one. */
export const PATH_COPY: boolean = KM19 && CONFIG.kmemleak.index === KMEMLEAK_INDEX.path_copy;
export const RCU_READERS: boolean = PLAIN_ERASE || SEQCOUNT || LATCH || OPTIMISTIC || PATH_COPY;
/** V1 as it was posted: a scan keeps a reference for each hit. */
export const LEAKS_REFS: boolean = PLAIN_ERASE && CONFIG.kmemleak.leak_refs;
export const COUNT_HIDDEN: boolean = KM19 && CONFIG.kmemleak.count_hidden;

/** V2 and V3: a spinlock in place of the rwlock; V3: which is object.lock, too. On rt no lock of kmemleak sleeps, but on purpose. */
export const SINGLE_LOCK: boolean = KM19 && CONFIG.kmemleak.index === KMEMLEAK_INDEX.single_lock;
export const RT_SLEEPS: boolean = RT && BUG === KMEMLEAK_BUG.rt_sleeps;
export const RAW_LOCK: boolean = (KM19 && CONFIG.kmemleak.index !== KMEMLEAK_INDEX.rwlock) || (RT && !RT_SLEEPS);
/** Whoever holds the lock may use what it found; else each find takes a reference. */
export const LOCK_PINS: boolean = KM19 && !RCU_READERS;

/** A table by page in front of the index (index/filter.ts). */
export const FILTER: boolean = KM19 && CONFIG.kmemleak.filter === KMEMLEAK_FILTER.page;
/** It knows where in the tree a page's blocks are; else how many there are. */
export const FILTER_NODES: boolean = FILTER && LOCK_PINS;
export const FILTER_COUNTS: boolean = FILTER && !LOCK_PINS;

/** Commands of the control file: off, stack=, scan=; clear and dump=. */
export const HAS_COMMANDS: boolean = !TWO_LOCKS;
export const HAS_CLEAR: boolean = KM19;

/** A vmalloc block needs so many hits: its vm_struct is one. */
export const VMALLOC_MIN_COUNT: i32 = BUG === KMEMLEAK_BUG.vmalloc_min_1 ? 1 : 2;
/** A static pool of metadata in place of the early log: tracked from the first hook on. */
export const POOL: boolean = CONFIG.kmemleak.metadata === KMEMLEAK_METADATA.pool && !PATH_COPY;
export const DESIGN_NAME: string = KM19 ? "km19" : KM09 ? "km09" : KM08 ? "km08" : "km08-fix";

// ---- seeded defects ----

/** When a block goes, the filter says of its pages that no block touches them, until it has looked. */
export const FILTER_CLEARS: boolean = FILTER_NODES && BUG === KMEMLEAK_BUG.filter_clears;

/** seq next() does not look at the answer of get_object. */
export const SQ1: boolean = KM08 || BUG === KMEMLEAK_BUG.sq1;
/** seq next() switches interrupts off and believes to be an RCU reader; as submitted it has the lock of the list as well. */
export const SQ2: boolean = KM08 || BUG === KMEMLEAK_BUG.sq2;
export const SQ2_TAKES_LOCK: boolean = KM08;
/** seq next() keeps the reference of the element before. */
export const SQ3: boolean = BUG === KMEMLEAK_BUG.sq3;
/** seq leaves the RCU read section between two elements, though deletion unlinks them at once. */
export const SQ4: boolean = KM09 || BUG === KMEMLEAK_BUG.sq4;
/** seq next() returns the last candidate when it got none. */
export const SQ5: boolean = KM09 || BUG === KMEMLEAK_BUG.sq5;
/** scan_mutex is taken when the file is opened and held until it is closed. */
export const SQ6: boolean = KM09 || BUG === KMEMLEAK_BUG.sq6;
/** object.lock keeps nobody out: a block may be freed while it is scanned. */
export const NO_OBJECT_LOCK: boolean = BUG === KMEMLEAK_BUG.no_object_lock;
export const NO_SCAN_MUTEX: boolean = BUG === KMEMLEAK_BUG.no_scan_mutex;
/** With one lock: ALLOCATED is cleared under no lock, after the critical section that takes the object out of the tree. */
export const LATE_CLEAR: boolean = SINGLE_LOCK && BUG === KMEMLEAK_BUG.single_lock;

export const FREE_WORK: boolean = CONFIG.kmemleak.free === KMEMLEAK_FREE.workqueue;
export const FREE_AT_ONCE: boolean = CONFIG.kmemleak.free === KMEMLEAK_FREE.immediate;
/** Frees stop looking for their objects together with tracking: one flag for both, until 4.2. */
export const SINGLE_FLAG: boolean = BUG === KMEMLEAK_BUG.dis;
/** The control file stops the scan thread with scan_mutex held, for which that thread may be waiting. */
export const STOPS_UNDER_MUTEX: boolean = BUG === KMEMLEAK_BUG.dl1;
/** Only a pointer to the first byte of a block counts. */
export const EXACT: boolean = BUG === KMEMLEAK_BUG.exact;
/** What was popped off a CPU's array of free objects stays written there, and the arrays are scanned. */
export const NO_ERASE: boolean = BUG === KMEMLEAK_BUG.no_erase;
/** The metadata's cache is tracked like any other. */
export const TRACKED_CACHE: boolean = BUG === KMEMLEAK_BUG.tracked_cache;
/** clear paints black: what a cleared block refers to is reported next. */
export const CLEARS_BLACK: boolean = BUG === KMEMLEAK_BUG.clear_black;
/** Metadata that is not wanted after all, since its block overlaps another, goes to the cache, be it from the pool (6.1). */
export const FREES_TO_SLAB: boolean = BUG === KMEMLEAK_BUG.pool_free;
