// Names for addresses: a binary search in the tables that the linker appends to the image.
// Read-only, so usable in any context. Only functions are listed.

import { strcmp } from "./string.ts";

/** What is known about one address. */
export class symbol_info {
  name: string;
  offset: usize;
  size: usize;
}

function table(symbol: usize): Ptr<u32> {
  "inline";
  return cast<Ptr<u32>>(symbol);
}

/** Index of the last symbol at or below `address`, or -1. */
function search(address: usize): i32 {
  const count = table(linkerSymbol("kallsyms_num"))[0];
  const addresses = table(linkerSymbol("kallsyms_addresses"));
  let low: u32 = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (addresses[middle] <= address) low = middle + 1;
    else high = middle;
  }
  return i32(low) - 1;
}

/** False when no function holds `address`. */
export function kallsyms_lookup(address: usize, info: symbol_info): boolean {
  const at = search(address);
  if (at < 0) return false;
  const index = u32(at);
  const start = table(linkerSymbol("kallsyms_addresses"))[index];
  const size = table(linkerSymbol("kallsyms_sizes"))[index];
  if (address - start >= size) return false;
  info.name = cast<Ptr<string>>(linkerSymbol("kallsyms_names"))[index];
  info.offset = address - start;
  info.size = size;
  return true;
}

/** The function of that name: info.offset is its address then. False when the image has none, or it was inlined everywhere. */
export function kallsyms_lookup_name(name: string, info: symbol_info): boolean {
  const count = table(linkerSymbol("kallsyms_num"))[0];
  const names = cast<Ptr<string>>(linkerSymbol("kallsyms_names"));
  for (let n: u32 = 0; n < count; n++) {
    if (strcmp(names[n], name) !== 0) continue;
    info.name = names[n];
    info.offset = table(linkerSymbol("kallsyms_addresses"))[n];
    info.size = table(linkerSymbol("kallsyms_sizes"))[n];
    return true;
  }
  return false;
}
