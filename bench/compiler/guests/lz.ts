// A byte-oriented LZ77 with a hash of three bytes: compress 4 KiB, decompress, compare.

const PAGE = 4096;
const HASHES = 1024;
const page = new FixedArray<u8>(PAGE);
const packed = new FixedArray<u8>(2 * PAGE);
const unpacked = new FixedArray<u8>(PAGE);
const last = new FixedArray<u16>(HASHES);

function hash(p: Ptr<u8>): u32 {
  return ((p[0] | (u32(p[1]) << 8) | (u32(p[2]) << 16)) * 0x9e37_79b1) >>> 22;
}

/** Tokens: length 0, byte; or length 3..255, distance low, distance high. */
function compress(): u32 {
  "noinline";
  for (let i: u32 = 0; i < HASHES; i++) last[i] = 0xffff;
  let at: u32 = 0;
  let out: u32 = 0;
  while (at + 3 <= PAGE) {
    const h = hash(addressOf(page[at]));
    const from: u32 = last[h];
    last[h] = u16(at);
    let length: u32 = 0;
    if (from !== 0xffff) while (at + length < PAGE && length < 255 && page[from + length] === page[at + length]) length++;
    if (length >= 3) {
      packed[out] = u8(length);
      packed[out + 1] = u8(at - from);
      packed[out + 2] = u8((at - from) >>> 8);
      out += 3;
      at += length;
    } else {
      packed[out] = 0;
      packed[out + 1] = page[at];
      out += 2;
      at += 1;
    }
  }
  for (; at < PAGE; at++) {
    packed[out] = 0;
    packed[out + 1] = page[at];
    out += 2;
  }
  return out;
}

function decompress(length: u32): u32 {
  "noinline";
  let to: u32 = 0;
  for (let at: u32 = 0; at < length; ) {
    const count: u32 = packed[at];
    if (count === 0) {
      unpacked[to] = packed[at + 1];
      to += 1;
      at += 2;
      continue;
    }
    const distance: u32 = packed[at + 1] | (u32(packed[at + 2]) << 8);
    for (let i: u32 = 0; i < count; i++) {
      unpacked[to] = unpacked[to - distance];
      to += 1;
    }
    at += 3;
  }
  return to;
}

export function kernel_main(): u32 {
  let x: u32 = 7;
  for (let i: u32 = 0; i < PAGE; i++) {
    if ((i & 7) === 0) x = x * 1664525 + 1013904223;
    page[i] = u8((x >>> ((i & 3) * 3)) & 7);
  }
  const length = compress();
  const restored = decompress(length);
  let same: u32 = 0;
  for (let i: u32 = 0; i < PAGE; i++) if (page[i] === unpacked[i]) same++;
  return length * 100000 + restored + same;
}
