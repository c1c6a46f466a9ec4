// The objects that a scan has found referenced and not yet read.
//
// Only under scan_mutex, and empty outside of a scan. Each entry holds a reference, and is entered at most once in a scan: what is gray
// is never counted again.

import { list_add_tail, list_empty, list_head } from "../../lib/list.ts";
import { kmemleak_object } from "./object.ts";

export const gray_list = new list_head();

/** Enters an object; the caller's reference passes to the list. */
export function queue_gray(object: kmemleak_object): void {
  "inline";
  list_add_tail(object.gray_list, gray_list);
}

export function gray_list_empty(): boolean {
  "inline";
  return list_empty(gray_list);
}

/** The object that waits longest; the list is not empty. */
export function first_gray(): kmemleak_object {
  "inline";
  return containerOf(kmemleak_object, "gray_list", gray_list.next);
}
