#include "types.h"

#define COUNT 1024u
static u32 words[COUNT];

static noinline void sift(u32 root, u32 end) {
  u32 at = root;
  u32 value = words[at];
  for (;;) {
    u32 child = 2 * at + 1;
    if (child >= end) break;
    if (child + 1 < end && words[child] < words[child + 1]) child += 1;
    if (words[child] <= value) break;
    words[at] = words[child];
    at = child;
  }
  words[at] = value;
}

static noinline void sort(void) {
  for (u32 i = COUNT / 2; i > 0; i--) sift(i - 1, COUNT);
  for (u32 end = COUNT - 1; end > 0; end--) {
    u32 top = words[0];
    words[0] = words[end];
    words[end] = top;
    sift(0, end);
  }
}

static noinline u32 find(u32 value) {
  u32 low = 0, high = COUNT;
  while (low < high) {
    u32 middle = (low + high) >> 1;
    if (words[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

u32 kernel_main(void) {
  u32 x = 1;
  for (u32 i = 0; i < COUNT; i++) {
    x = x * 1664525u + 1013904223u;
    words[i] = x >> 4;
  }
  sort();
  u32 sum = 0;
  for (u32 i = 0; i < COUNT; i++) sum = sum * 31 + words[i];
  for (u32 i = 0; i < COUNT; i++) sum += find(i << 18);
  return sum;
}
