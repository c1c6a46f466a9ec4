// Patterns that the allocators write into memory that nobody owns, to find out who writes there all the same.
//
// Not memset: whoever checks accesses from outside knows an allocator by where its instructions come from (docs/observers.md, heap).

/** Fills `size` bytes with the low byte of `value`. */
export function fill_pattern(at: usize, value: u32, size: usize): void {
  "noinline";
  let p = at;
  const end = at + size;
  while (p < end && (p & 3) !== 0) cast<Ptr<u8>>(p++)[0] = u8(value);
  const word = (value & 0xff) * 0x0101_0101;
  for (; end - p >= 4; p += 4) cast<Ptr<u32>>(p)[0] = word;
  while (p < end) cast<Ptr<u8>>(p++)[0] = u8(value);
}
