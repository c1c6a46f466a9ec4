// Decompression of what lz_compress (compress.ts, which shows the format) has made.
//
// Interface: as Linux's crypto_comp_decompress; no workspace. Never reads outside of the source nor writes outside of the room given,
// whatever the bytes are: what is damaged is -EINVAL. Any context.

import { EINVAL } from "../errno.ts";
import { memcpy } from "../string.ts";
import { LZ_MIN_MATCH, LZ_RUN_MASK } from "./compress.ts";

/** Where the bytes after a length end that began in the token with 15, and the length itself. */
class run {
  next: usize;
  length: u32;
}

/** Adds what continues a length; false when the source ends in it. */
function get_length(r: run, at: usize, end: usize): boolean {
  let p = at;
  while (p < end) {
    const more = cast<Ptr<u8>>(p)[0];
    p += 1;
    r.length += more;
    if (more === 255) continue;
    r.next = p;
    return true;
  }
  return false;
}

/** `length` bytes from `offset` before `out`: those that it makes may be among them. */
function copy_match(out: usize, offset: u32, length: u32): void {
  const to = cast<Ptr<u8>>(out);
  const from = cast<Ptr<u8>>(out - offset);
  let n: u32 = 0;
  if ((offset & 3) === 0) {
    while (n < length && ((out + n) & 3) !== 0) {
      to[n] = from[n];
      n++;
    }
    while (n + 4 <= length) {
      cast<Ptr<u32>>(out + n)[0] = cast<Ptr<u32>>(out + n - offset)[0];
      n += 4;
    }
  } else if (offset === 1) {
    const same = from[0];
    const word = same * 0x0101_0101;
    while (n < length && ((out + n) & 3) !== 0) {
      to[n] = same;
      n++;
    }
    while (n + 4 <= length) {
      cast<Ptr<u32>>(out + n)[0] = word;
      n += 4;
    }
  }
  while (n < length) {
    to[n] = from[n];
    n++;
  }
}

/** dlen[0]: before, the room at `dst`; after, the bytes written. 0 or -EINVAL. */
export function lz_decompress(src: usize, slen: usize, dst: usize, dlen: Ptr<usize>): i32 {
  const end = src + slen;
  const room_end = dst + dlen[0];
  const r = new run();
  let at = src;
  let out = dst;
  while (at < end) {
    const token: u32 = cast<Ptr<u8>>(at)[0];
    at += 1;
    r.length = token >>> 4;
    if (r.length === LZ_RUN_MASK) {
      if (!get_length(r, at, end)) return -EINVAL;
      at = r.next;
    }
    if (r.length > end - at || r.length > room_end - out) return -EINVAL;
    memcpy(out, at, r.length);
    at += r.length;
    out += r.length;
    if (at === end) {
      dlen[0] = out - dst;
      return 0;
    }
    if (end - at < 2) return -EINVAL;
    const offset = cast<Ptr<u8>>(at)[0] | (cast<Ptr<u8>>(at)[1] << 8);
    at += 2;
    if (offset === 0 || offset > out - dst) return -EINVAL;
    r.length = token & LZ_RUN_MASK;
    if (r.length === LZ_RUN_MASK) {
      if (!get_length(r, at, end)) return -EINVAL;
      at = r.next;
    }
    const length = r.length + LZ_MIN_MATCH;
    if (length > room_end - out) return -EINVAL;
    copy_match(out, offset, length);
    out += length;
  }
  return -EINVAL;
}
