// Whether a block's contents have changed since a scan last found it white: CRC-32, as Linux has it.
//
// The tables lie in a page of their own, made by the first scan: no root, so none of their words is a reference.

import { crc32_le, crc32_le_by_word, crc32_table_init } from "../../lib/crc32.ts";
import { GFP_KERNEL } from "../gfp.ts";
import { __get_free_pages } from "../page_alloc.ts";
import { kmemleak_object } from "./object.ts";

let crc_tables: Ptr<u32> | null = null;

/** Called with scan_mutex held. @may_sleep */
export function checksum_init(): void {
  if (crc_tables !== null) return;
  const page = __get_free_pages(GFP_KERNEL, 0);
  if (page === 0) return;
  crc_tables = cast<Ptr<u32>>(page);
  crc32_table_init(crc_tables);
}

/** True: it has changed, or was never taken. Called with object.lock held. */
export function update_checksum(object: kmemleak_object): boolean {
  const before = object.checksum;
  const tables = crc_tables;
  if (tables === null || (object.pointer & 3) !== 0) object.checksum = crc32_le(0, object.pointer, object.size);
  else object.checksum = crc32_le_by_word(0, object.pointer, object.size, tables);
  return object.checksum !== before;
}
