// What /sys/kernel/debug/kmemleak is elsewhere, written: one command a write.
//
//   off                 nothing is tracked any more, for good
//   stack=on|off        whether stacks are roots
//   scan=on|off|SECS    the scan thread, and how long it waits between two scans
//   scan                scans now
//   clear               what is reported now is no leak; when disabled: forgets everything
//   dump=ADDRESS        all that is known about a block, in the log
// What follows a command is ignored, as in Linux (the end of the line that echo writes), but not what follows a number.
// Results: 0, -EBUSY when disabled (but for clear), -EINVAL for what is no command, number or block. 2008 had no commands and 2.6.31 only
// those down to scan=; `scan` works everywhere, for the lab.
// Lock: scan_mutex for each command, as in Linux. But the scan thread waits for it in a way that hears no kthread_stop, so it is given
// away before the thread is stopped (kmemleak.bug=dl1: it is not).

import { parse_u32 } from "../../lib/cmdline.ts";
import { pr_info } from "../../lib/printk.ts";
import { EBUSY, EINVAL } from "../../lib/errno.ts";
import { list_for_each_entry_rcu } from "../../lib/list.ts";
import { strlen, strncmp } from "../../lib/string.ts";
import { rcu_read_lock, rcu_read_unlock } from "../../rcu/rcu.ts";
import { CLEARS_BLACK, HAS_CLEAR, HAS_COMMANDS, STOPS_UNDER_MUTEX } from "./design.ts";
import { free_all_objects, kmemleak_disable, kmemleak_do_cleanup } from "./disable.ts";
import { lock_object, scan_lock, scan_unlock, unlock_object } from "./lock.ts";
import { find_and_get_object } from "./lookup.ts";
import { KMEMLEAK_BLACK, KMEMLEAK_GREY, kmemleak_object, OBJECT, object_list, put_object } from "./object.ts";
import { dump_object_info } from "./report.ts";
import { kmemleak_scan, unreferenced_object } from "./scan.ts";
import { kmemleak_enabled, kmemleak_free_enabled, set_stack_scan } from "./state.ts";
import { set_scan_wait, start_scan_thread, stop_scan_thread } from "./thread.ts";

/** Reported leaks are gray from now on: not black, or what they refer to would be reported next. */
function clear_leaks(): void {
  rcu_read_lock();
  for (const object of list_for_each_entry_rcu(object_list, kmemleak_object, "object_list")) {
    const flags = lock_object(object);
    if ((object.flags & OBJECT.REPORTED) !== 0 && unreferenced_object(object)) {
      object.min_count = CLEARS_BLACK ? KMEMLEAK_BLACK : KMEMLEAK_GREY;
      if (CLEARS_BLACK) object.flags |= OBJECT.NO_SCAN;
    }
    unlock_object(object, flags);
  }
  rcu_read_unlock();
}

/** Digits to the end of the text or of the line; hexadecimal behind 0x. */
function is_number(text: usize): boolean {
  const hex = strncmp(stringAt(text), "0x", 2) === 0;
  const digits = cast<Ptr<u8>>(hex ? text + 2 : text);
  let n: u32 = 0;
  for (let c = digits[0]; c !== 0 && c !== 0x0a; c = digits[n]) {
    const letter = c | 0x20;
    if ((c < 0x30 || c > 0x39) && (!hex || letter < 0x61 || letter > 0x66)) return false;
    n++;
  }
  return n !== 0;
}

function dump(text: usize): i32 {
  if (!is_number(text)) return -EINVAL;
  const address = parse_u32(text);
  const object = find_and_get_object(address, false);
  if (object === null) {
    pr_info("kmemleak: Unknown object at 0x%08x\n", address);
    return -EINVAL;
  }
  dump_object_info(object);
  put_object(object);
  return 0;
}

/** Stops the thread. Called with scan_mutex held. */
function stop_thread(): void {
  if (!STOPS_UNDER_MUTEX) scan_unlock();
  stop_scan_thread();
  if (!STOPS_UNDER_MUTEX) scan_lock();
}

/** scan=on|off|SECS. Called with scan_mutex held. */
function scan_setting(text: usize): i32 {
  const value = stringAt(text);
  if (strncmp(value, "on", 2) === 0) {
    start_scan_thread();
    return 0;
  }
  if (strncmp(value, "off", 3) === 0) {
    stop_thread();
    return 0;
  }
  if (!is_number(text)) return -EINVAL;
  const seconds = parse_u32(text);
  stop_thread();
  set_scan_wait(seconds);
  if (seconds !== 0) start_scan_thread();
  return 0;
}

/** The address of what follows `prefix` in `command`, or 0. */
function after(command: string, prefix: string): usize {
  const length = strlen(prefix);
  return strncmp(command, prefix, length) === 0 ? addr(command) + length : 0;
}

/** Called with scan_mutex held and kmemleak enabled. */
function execute(command: string): i32 {
  const setting = after(command, "scan=");
  if (setting !== 0) return HAS_COMMANDS ? scan_setting(setting) : -EINVAL;
  if (after(command, "scan") !== 0) {
    kmemleak_scan();
    return 0;
  }
  if (!HAS_COMMANDS) return -EINVAL;
  if (after(command, "off") !== 0) {
    kmemleak_disable("as asked");
    return 0;
  }
  if (after(command, "stack=on") !== 0 || after(command, "stack=off") !== 0) {
    set_stack_scan(after(command, "stack=on") !== 0);
    return 0;
  }
  if (!HAS_CLEAR) return -EINVAL;
  if (after(command, "clear") !== 0) {
    clear_leaks();
    return 0;
  }
  const block = after(command, "dump=");
  return block !== 0 ? dump(block) : -EINVAL;
}

/** Writes a command to the file. @may_sleep */
export function kmemleak_write(command: string): i32 {
  kmemleak_do_cleanup();
  scan_lock();
  let result: i32 = -EBUSY;
  if (kmemleak_enabled()) {
    result = execute(command);
  } else if (HAS_CLEAR && after(command, "clear") !== 0 && !kmemleak_free_enabled()) {
    free_all_objects();
    result = 0;
  }
  scan_unlock();
  kmemleak_do_cleanup();
  return result;
}
