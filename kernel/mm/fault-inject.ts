// Failure injection: allocations that fail on purpose, at a rate and at a site, the same ones each time for the same seed.
//
// Configuration fault_injection compiles it. Linux's attributes as boot parameters, NAME being failslab or fail_page_alloc:
//   NAME=interval,probability,space,times   every interval-th allocation fails with probability percent, once `space` bytes (slab)
//                                           or pages have been handed out, `times` times at most (-1: no limit)
//   NAME.require-start= .require-end=       only when a return address of the call stack lies in this range: an address, or the
//   NAME.reject-start= .reject-end=         name of a function; a name without an end stands for that function
//   NAME.stacktrace-depth=                  frames looked at, at most and by default 32
//   NAME.verbose=                           0 nothing, 1 a line for each failure (default), 2 with a backtrace
//   NAME.ignore-gfp-wait=                   1 (default): allocations that may sleep do not fail
//   fail_page_alloc.min-order=              smaller orders do not fail; 1 by default
// __GFP_NOFAIL never fails. There is no task-filter.
// Random numbers: one generator a CPU, seeded from seed= and the CPU, advanced only here. Counters are approximate when CPUs
// race for them, as in Linux; on the deterministic machine the outcome is the same every time all the same.

import { CONFIG } from "config";
import { for_each_possible_cpu } from "../arch/cpumask.ts";
import { stack_trace_save } from "../arch/stacktrace.ts";
import { dump_stack } from "../lib/bug.ts";
import { get_option, get_option_u32, parse_i32, parse_u32 } from "../lib/cmdline.ts";
import { kallsyms_lookup_name, symbol_info } from "../lib/kallsyms.ts";
import { pr_info, pr_warn } from "../lib/printk.ts";
import { prandom_seed, prandom_state, prandom_u32_max } from "../lib/random.ts";
import { scnprintf } from "../lib/vsprintf.ts";
import { strlen } from "../lib/string.ts";
import { __GFP_NOFAIL, __GFP_NOWARN, __GFP_WAIT } from "./gfp.ts";

const STACK_DEPTH_MAX = 32;
const COMMA = 0x2c;

export class fault_attr {
  name: string = "";
  /** Percent. */
  probability: u32 = 0;
  interval: u32 = 1;
  /** How often it may still fail; -1 for ever. */
  times: i32 = 0;
  /** What is still handed out before anything fails. */
  space: i32 = 0;
  verbose: u32 = 1;
  stacktrace_depth: u32 = STACK_DEPTH_MAX;
  require_start: usize = 0;
  require_end: usize = 0xffff_ffff;
  reject_start: usize = 0;
  reject_end: usize = 0;
  /** Allocations that came so far as the interval. */
  count: u32 = 0;
  /** Failures so far. */
  failures: u32 = 0;
}

class allocation_fault {
  readonly attr = new fault_attr();
  ignore_gfp_wait: boolean = true;
  min_order: u32 = 0;
}
const failslab = new allocation_fault();
const fail_page_alloc = new allocation_fault();
const fault_random = new PerCpu(prandom_state);

/** No reject range hit, and the required range too. */
function fail_stacktrace(attr: fault_attr): boolean {
  if (attr.require_start === 0 && attr.require_end === 0xffff_ffff && attr.reject_end === 0) return true;
  const frames = new FixedArray<usize>(STACK_DEPTH_MAX);
  const depth = attr.stacktrace_depth < STACK_DEPTH_MAX ? attr.stacktrace_depth : STACK_DEPTH_MAX;
  const count = stack_trace_save(frames, depth, 0);
  let found = false;
  for (let n: u32 = 0; n < count; n++) {
    // A return address behind the last call of a function lies in the next one.
    const site = frames[n] - 1;
    if (site >= attr.reject_start && site < attr.reject_end) return false;
    if (site >= attr.require_start && site < attr.require_end) found = true;
  }
  return found;
}

function fail_dump(attr: fault_attr): void {
  "noinline";
  if (attr.verbose === 0) return;
  pr_info("FAULT_INJECTION: forcing a failure. name %s, interval %u, probability %u, space %d, times %d\n", attr.name, attr.interval,
    attr.probability, attr.space, attr.times);
  if (attr.verbose > 1) dump_stack();
}

/** One time less, unless there is no limit or nothing left. */
function count_down(times: Ptr<i32>): void {
  for (;;) {
    const left = READ_ONCE(times[0]);
    if (left <= 0 || CMPXCHG(times[0], left, left - 1) === left) return;
  }
}

/** Whether an allocation of `size` units shall fail. Any context. */
export function should_fail(attr: fault_attr, size: u32, silent: boolean): boolean {
  if (attr.probability === 0 || READ_ONCE(attr.times) === 0) return false;
  if (READ_ONCE(attr.space) > i32(size)) {
    amoAddRelaxed(addressOf(attr.space), 0 - i32(size));
    return false;
  }
  if (attr.interval > 1 && (amoAddRelaxed(addressOf(attr.count), 1) + 1) % attr.interval !== 0) return false;
  if (attr.probability <= prandom_u32_max(fault_random.current(), 100)) return false;
  if (!fail_stacktrace(attr)) return false;
  amoAddRelaxed(addressOf(attr.failures), 1);
  if (!silent) fail_dump(attr);
  count_down(addressOf(attr.times));
  return true;
}

function skip(fault: allocation_fault, gfp: u32): boolean {
  "inline";
  return (gfp & __GFP_NOFAIL) !== 0 || (fault.ignore_gfp_wait && (gfp & __GFP_WAIT) !== 0);
}

/** The page allocator's question, with fault_injection compiled. */
export function should_fail_alloc_page(gfp: u32, order: u32): boolean {
  if (fail_page_alloc.attr.probability === 0) return false;
  if (order < fail_page_alloc.min_order || skip(fail_page_alloc, gfp)) return false;
  return should_fail(fail_page_alloc.attr, 1 << order, (gfp & __GFP_NOWARN) !== 0);
}

/** The slab allocator's question, with fault_injection compiled: `size` is the object's. */
export function should_failslab(size: u32, gfp: u32): boolean {
  if (failslab.attr.probability === 0) return false;
  if (skip(failslab, gfp)) return false;
  return should_fail(failslab.attr, size, (gfp & __GFP_NOWARN) !== 0);
}

/** The attributes of the page allocator's and of the slab allocator's failures, for tests that switch them on for a while. */
export function fail_page_alloc_attr(): fault_attr {
  return fail_page_alloc.attr;
}

export function failslab_attr(): fault_attr {
  return failslab.attr;
}

/** For tests: whether sleeping allocations are spared, and the smallest order that fails. */
export function fail_page_alloc_filter(ignore_gfp_wait: boolean, min_order: u32): void {
  fail_page_alloc.ignore_gfp_wait = ignore_gfp_wait;
  fail_page_alloc.min_order = min_order;
}

export function failslab_filter(ignore_gfp_wait: boolean): void {
  failslab.ignore_gfp_wait = ignore_gfp_wait;
}

/** "interval,probability,space,times" into the attributes; false, and a message, when it is not four numbers. */
export function setup_fault_attr(attr: fault_attr, text: string): boolean {
  const values = new FixedArray<i32>(4);
  const from = cast<Ptr<u8>>(addr(text));
  let at: u32 = 0;
  for (let n: u32 = 0; n < 4; n++) {
    values[n] = parse_i32(addr(text) + at);
    while (from[at] !== 0 && from[at] !== COMMA) at++;
    if ((from[at] === COMMA) !== (n < 3)) {
      pr_warn("fault_injection: %s=%s is not interval,probability,space,times; ignored\n", attr.name, text);
      return false;
    }
    at++;
  }
  attr.interval = u32(values[0]);
  attr.probability = u32(values[1]);
  attr.space = values[2];
  attr.times = values[3];
  return true;
}

/** `key`, NAME.SUFFIX, as an option; the empty string when it is not there. */
function suboption(name: string, suffix: string): string {
  const key = new FixedArray<u8>(48);
  scnprintf(key, 48, "%s.%s", name, suffix);
  return get_option(stringAt(addr(key)), "");
}

/** A number, or one end of a function's range; `fallback` for nothing. */
function parse_site(text: string, end: boolean, fallback: usize): usize {
  if (strlen(text) === 0) return fallback;
  const info = new symbol_info();
  if (kallsyms_lookup_name(text, info)) return end ? info.offset + info.size : info.offset;
  const value = parse_u32(addr(text));
  if (value === 0) pr_warn("fault_injection: %s is neither an address nor a function of this image\n", text);
  return value === 0 ? fallback : value;
}

function setup_sites(attr: fault_attr): void {
  const require = suboption(attr.name, "require-start");
  attr.require_start = parse_site(require, false, 0);
  const require_end = suboption(attr.name, "require-end");
  attr.require_end = parse_site(strlen(require_end) === 0 ? require : require_end, true, 0xffff_ffff);
  const reject = suboption(attr.name, "reject-start");
  attr.reject_start = parse_site(reject, false, 0);
  const reject_end = suboption(attr.name, "reject-end");
  attr.reject_end = parse_site(strlen(reject_end) === 0 ? reject : reject_end, true, 0);
}

function suboption_u32(name: string, suffix: string, fallback: u32): u32 {
  const text = suboption(name, suffix);
  return strlen(text) === 0 ? fallback : parse_u32(addr(text));
}

function setup_fault(fault: allocation_fault, name: string): void {
  const text = get_option(name, "");
  fault.attr.name = name;
  if (strlen(text) === 0) return;
  if (!CONFIG.fault_injection) {
    pr_warn("fault_injection: %s=%s has no effect: this image was built without fault_injection=true\n", name, text);
    return;
  }
  fault.ignore_gfp_wait = suboption_u32(name, "ignore-gfp-wait", 1) !== 0;
  fault.min_order = suboption_u32(name, "min-order", fault.min_order);
  fault.attr.verbose = suboption_u32(name, "verbose", 1);
  fault.attr.stacktrace_depth = suboption_u32(name, "stacktrace-depth", STACK_DEPTH_MAX);
  setup_sites(fault.attr);
  setup_fault_attr(fault.attr, text);
}

/** A new sequence of random numbers on every CPU. */
export function fault_seed(seed: u32): void {
  for (const cpu of for_each_possible_cpu()) prandom_seed(fault_random.of(cpu), seed * 64 + cpu);
}

/** At boot, with the command line read; allocations before it never fail on purpose. */
export function fault_inject_init(): void {
  fault_seed(get_option_u32("seed", 1));
  fail_page_alloc.min_order = 1;
  setup_fault(failslab, "failslab");
  setup_fault(fail_page_alloc, "fail_page_alloc");
}
