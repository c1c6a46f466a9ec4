#include "types.h"

#define PAGE 4096u
#define HASHES 1024u
static u8 page[PAGE], packed[2 * PAGE], unpacked[PAGE];
static u16 last[HASHES];

static u32 hash(const u8 *p) { return ((p[0] | ((u32)p[1] << 8) | ((u32)p[2] << 16)) * 0x9e3779b1u) >> 22; }

static noinline u32 compress(void) {
  for (u32 i = 0; i < HASHES; i++) last[i] = 0xffff;
  u32 at = 0, out = 0;
  while (at + 3 <= PAGE) {
    u32 h = hash(&page[at]);
    u32 from = last[h];
    last[h] = (u16)at;
    u32 length = 0;
    if (from != 0xffff)
      while (at + length < PAGE && length < 255 && page[from + length] == page[at + length]) length++;
    if (length >= 3) {
      packed[out] = (u8)length;
      packed[out + 1] = (u8)(at - from);
      packed[out + 2] = (u8)((at - from) >> 8);
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

static noinline u32 decompress(u32 length) {
  u32 to = 0;
  for (u32 at = 0; at < length;) {
    u32 count = packed[at];
    if (count == 0) {
      unpacked[to] = packed[at + 1];
      to += 1;
      at += 2;
      continue;
    }
    u32 distance = packed[at + 1] | ((u32)packed[at + 2] << 8);
    for (u32 i = 0; i < count; i++) {
      unpacked[to] = unpacked[to - distance];
      to += 1;
    }
    at += 3;
  }
  return to;
}

u32 kernel_main(void) {
  u32 x = 7;
  for (u32 i = 0; i < PAGE; i++) {
    if ((i & 7) == 0) x = x * 1664525u + 1013904223u;
    page[i] = (u8)((x >> ((i & 3) * 3)) & 7);
  }
  u32 length = compress();
  u32 restored = decompress(length);
  u32 same = 0;
  for (u32 i = 0; i < PAGE; i++)
    if (page[i] == unpacked[i]) same++;
  return length * 100000 + restored + same;
}
