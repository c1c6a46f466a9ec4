// LZ compression of a page: the block format of LZ4 (docs/kernel/zswap.md), by one pass with a table of where each hash was seen last.
//
//   sequence   token, length of the literals, literals, offset, length of the match; the last one ends after its literals
//     token    high four bits: literals, low four: bytes of the match less 4; 15 is continued in bytes of 255 and a last one below
//     offset   two bytes, low first: how far back the match begins; it may overlap what it makes
//   the last five bytes are literals, and no match begins in the last twelve
//
// Interface: as Linux's crypto_comp_compress. The table is the caller's (LZ_WORKSPACE_BYTES, aligned to 4, contents do not matter), so that
// whoever has one of his own needs no lock. Reads each source byte within [src, src + slen), writes only within the room given, even when
// another CPU changes the source meanwhile: then the result is that of some mixture, and still of the format.
// Limits: a source of at most LZ_INPUT_MAX bytes, since positions are kept in 16 bits. Any alignment.

import { EINVAL } from "../errno.ts";
import { memcpy, memset } from "../string.ts";

const HASH_BITS = 11;
/** Two bytes a hash. */
export const LZ_WORKSPACE_BYTES = 1 << (HASH_BITS + 1);
export const LZ_INPUT_MAX = 0xffff;

export const LZ_MIN_MATCH = 4;
/** What a nibble of the token holds at most; more is in further bytes. */
export const LZ_RUN_MASK = 15;
/** The last bytes of a block, which no match covers, */
const LAST_LITERALS = 5;
/** and in which none begins. */
const MATCH_LIMIT = 12;
/** Without a match the search goes by 1 + misses / 2^SKIP_SHIFT bytes: what does not compress is given up soon. */
const SKIP_SHIFT = 6;

/** Bytes that compression of `slen` bytes can need: what does not compress grows by a byte in 255. */
export function lz_compress_bound(slen: usize): usize {
  return slen + slen / 255 + 16;
}

/** A word at any address. */
function load32(at: usize): u32 {
  "inline";
  const p = cast<Ptr<u8>>(at);
  return p[0] | (p[1] << 8) | (p[2] << 16) | (p[3] << 24);
}

function hash_of(word: u32): u32 {
  "inline";
  return (word * 0x9e37_79b1) >>> (32 - HASH_BITS);
}

/** Bytes from `at` on, below `limit`, that are as those from `from` on. */
function match_length(at: usize, from: usize, limit: usize): u32 {
  const a = cast<Ptr<u8>>(at);
  const b = cast<Ptr<u8>>(from);
  const max = limit - at;
  let n: u32 = 0;
  if (((at ^ from) & 3) === 0) {
    while (n < max && ((at + n) & 3) !== 0) {
      if (a[n] !== b[n]) return n;
      n++;
    }
    while (n + 4 <= max && cast<Ptr<u32>>(at + n)[0] === cast<Ptr<u32>>(from + n)[0]) n += 4;
  }
  while (n < max && a[n] === b[n]) n++;
  return n;
}

/** The rest of a length that did not fit into the token; where writing goes on. */
function put_length(out: usize, rest: u32): usize {
  let p = out;
  let left = rest;
  while (left >= 255) {
    cast<Ptr<u8>>(p)[0] = 255;
    p += 1;
    left -= 255;
  }
  cast<Ptr<u8>>(p)[0] = u8(left);
  return p + 1;
}

/** Token, length and literals; where writing goes on. The token's address is `out`. There is room. */
function put_literals(out: usize, from: usize, count: u32): usize {
  const token = count < LZ_RUN_MASK ? count : LZ_RUN_MASK;
  cast<Ptr<u8>>(out)[0] = u8(token << 4);
  let p = out + 1;
  if (token === LZ_RUN_MASK) p = put_length(p, count - LZ_RUN_MASK);
  memcpy(p, from, count);
  return p + count;
}

/** Offset and length of a match behind its literals; where writing goes on. */
function put_match(out: usize, token: usize, offset: u32, length: u32): usize {
  const o = cast<Ptr<u8>>(out);
  o[0] = u8(offset);
  o[1] = u8(offset >>> 8);
  const extra = length - LZ_MIN_MATCH;
  const t = cast<Ptr<u8>>(token);
  t[0] = u8(t[0] | (extra < LZ_RUN_MASK ? extra : LZ_RUN_MASK));
  return extra < LZ_RUN_MASK ? out + 2 : put_length(out + 2, extra - LZ_RUN_MASK);
}

/** An upper bound of a sequence's bytes. */
function sequence_bytes(literals: u32, length: u32): u32 {
  "inline";
  return literals + (literals + length) / 255 + 8;
}

/**
 * Compresses `slen` bytes at `src` to `dst`. dlen[0]: before, the room at `dst`; after, the bytes written. 0, or -EINVAL: it does not fit, or
 * the source is too long; what is at `dst` means nothing then. Any context.
 */
export function lz_compress(src: usize, slen: usize, dst: usize, dlen: Ptr<usize>, workspace: usize): i32 {
  if (slen > LZ_INPUT_MAX) return -EINVAL;
  const seen = cast<Ptr<u16>>(workspace);
  memset(workspace, 0, LZ_WORKSPACE_BYTES);
  const room_end = dst + dlen[0];
  const end = src + slen;
  let out = dst;
  let anchor = src;
  if (slen > MATCH_LIMIT) {
    const search_end = end - MATCH_LIMIT;
    const match_end = end - LAST_LITERALS;
    let at = src + 1;
    let misses: u32 = 1 << SKIP_SHIFT;
    let word = load32(at);
    seen[hash_of(load32(src))] = 0;
    while (at < search_end) {
      const h = hash_of(word);
      const from = src + seen[h];
      seen[h] = u16(at - src);
      // A hash that nobody has had names place 0, which is compared like any other.
      if (cast<Ptr<u8>>(from)[0] !== (word & 0xff) || load32(from) !== word) {
        const step = misses >>> SKIP_SHIFT;
        misses += 1;
        at += step;
        if (step === 1) word = (word >>> 8) | (cast<Ptr<u8>>(at)[3] << 24);
        else if (at < search_end) word = load32(at);
        continue;
      }
      misses = 1 << SKIP_SHIFT;
      const length = LZ_MIN_MATCH + match_length(at + LZ_MIN_MATCH, from + LZ_MIN_MATCH, match_end);
      const literals = at - anchor;
      if (out + sequence_bytes(literals, length) > room_end) return -EINVAL;
      const token = out;
      out = put_match(put_literals(token, anchor, literals), token, at - from, length);
      at += length;
      anchor = at;
      if (at >= search_end) break;
      seen[hash_of(load32(at - 2))] = u16(at - 2 - src);
      word = load32(at);
    }
  }
  const rest = end - anchor;
  if (out + sequence_bytes(rest, 0) > room_end) return -EINVAL;
  dlen[0] = put_literals(out, anchor, rest) - dst;
  return 0;
}
