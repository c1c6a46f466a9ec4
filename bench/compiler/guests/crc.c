#include "types.h"

static u32 table[256];
static u8 data[4096];

static void make_table(void) {
  for (u32 n = 0; n < 256; n++) {
    u32 c = n;
    for (u32 k = 0; k < 8; k++) c = (c & 1) != 0 ? (c >> 1) ^ 0xedb88320 : c >> 1;
    table[n] = c;
  }
}

static noinline u32 crc32(const u8 *bytes, u32 length) {
  u32 c = 0xffffffff;
  for (u32 i = 0; i < length; i++) c = table[(c ^ bytes[i]) & 0xff] ^ (c >> 8);
  return ~c;
}

u32 kernel_main(void) {
  make_table();
  for (u32 i = 0; i < 4096; i++) data[i] = (u8)(i * 7);
  u32 sum = 0;
  for (u32 round = 0; round < 10; round++) {
    sum += crc32(data, 4096);
    data[round] = (u8)sum;
  }
  return sum;
}
