// Reading and writing the memory of the address space that the running task is in (kthread_use_mm), as Linux's functions of these names.
// A page that is not there is made, or read from swap, on the way. @may_sleep; where nobody may sleep only pages that are there can be
// reached. Limits: aligned words; no checks of the kind that a system call needs, since nobody here is hostile.

import { __copy_from_user, __copy_to_user, __get_user_word, __put_user_word } from "../../arch/uaccess.ts";
import { EFAULT } from "../../lib/errno.ts";
import { TASK_SIZE, TASK_UNMAPPED_BASE } from "./pgtable.ts";

export function access_ok(start: usize, bytes: u32): boolean {
  "inline";
  return start >= TASK_UNMAPPED_BASE && start <= TASK_SIZE && bytes <= TASK_SIZE - start;
}

/** 0, or -EFAULT and nothing read. @must_use */
export function get_user(to: Ptr<u32>, from: usize): i32 {
  if (!access_ok(from, 4)) return -EFAULT;
  const read = cast<(from: usize, to: Ptr<u32>, error: i32) => i32>(addr(__get_user_word));
  return read(from, to, -EFAULT);
}

/** 0 or -EFAULT. @must_use */
export function put_user(value: u32, to: usize): i32 {
  if (!access_ok(to, 4)) return -EFAULT;
  const write = cast<(to: usize, value: u32, error: i32) => i32>(addr(__put_user_word));
  return write(to, value, -EFAULT);
}

/** Bytes that could not be copied. @must_use */
export function copy_from_user(to: usize, from: usize, bytes: u32): u32 {
  if (!access_ok(from, bytes)) return bytes;
  const copy = cast<(to: usize, from: usize, bytes: u32) => u32>(addr(__copy_from_user));
  return copy(to, from, bytes);
}

/** Bytes that could not be copied. @must_use */
export function copy_to_user(to: usize, from: usize, bytes: u32): u32 {
  if (!access_ok(to, bytes)) return bytes;
  const copy = cast<(to: usize, from: usize, bytes: u32) => u32>(addr(__copy_to_user));
  return copy(to, from, bytes);
}
