#include "types.h"

#define WORDS 4096u
#define BLOCKS 200u

struct block {
  usize pointer;
  u32 size, count, min_count;
};
static usize words[WORDS];
static struct block blocks[BLOCKS];

static noinline struct block *lookup(usize address) {
  u32 low = 0, high = BLOCKS;
  while (low < high) {
    u32 middle = (low + high) >> 1;
    struct block *b = &blocks[middle];
    if (address < b->pointer) high = middle;
    else if (address - b->pointer >= b->size) low = middle + 1;
    else return b;
  }
  return 0;
}

static noinline u32 scan_block(usize start, usize end) {
  u32 hits = 0;
  for (usize at = start; at < end; at += 4) {
    usize word = *(usize *)at;
    if (word < 0x90000000u || word >= 0x90010000u) continue;
    struct block *b = lookup(word);
    if (b == 0) continue;
    b->count += 1;
    if (b->count <= b->min_count) hits += 1;
  }
  return hits;
}

u32 kernel_main(void) {
  for (u32 i = 0; i < BLOCKS; i++) {
    struct block *b = &blocks[i];
    b->pointer = 0x90000000u + i * 320;
    b->size = 64 + (i & 7) * 32;
    b->count = 0;
    b->min_count = 1 + (i & 1);
  }
  u32 x = 9;
  for (u32 i = 0; i < WORDS; i++) {
    x = x * 1664525u + 1013904223u;
    words[i] = (x & 0x300) == 0 ? x : 0x90000000u + (x >> 16);
  }
  u32 sum = 0;
  for (u32 round = 0; round < 4; round++) sum = sum * 7 + scan_block((usize)words, (usize)words + WORDS * 4);
  for (u32 i = 0; i < BLOCKS; i++) sum = sum * 3 + blocks[i].count;
  return sum;
}
