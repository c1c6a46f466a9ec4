/* What start.ts is to the dialect: reset, two runs of kernel_main, and the figures of the second. */
#include "types.h"

u32 kernel_main(void);

__asm__(".section .start,\"ax\"\n.globl _start\n_start:\n csrr a0, mhartid\n bnez a0, 1f\n li sp, 0x80f00000\n call measure\n1: wfi\n j 1b\n.text\n");

static void put(u32 c) {
  volatile u8 *uart = (volatile u8 *)0x10000000;
  while ((uart[5] & 0x20) == 0) {
  }
  uart[0] = c;
}

static void print(const char *name, u32 value) {
  while (*name) put(*name++);
  put(' ');
  for (i32 shift = 28; shift >= 0; shift -= 4) put("0123456789abcdef"[(value >> shift) & 15]);
  put('\n');
}

static inline u32 instret(void) {
  u32 n;
  __asm__ volatile("rdinstret %0" : "=r"(n)::"memory");
  return n;
}

static inline u32 cycle(void) {
  u32 n;
  __asm__ volatile("rdcycle %0" : "=r"(n)::"memory");
  return n;
}

void measure(void) {
  kernel_main();
  u32 instructions = instret(), cycles = cycle();
  u32 checksum = kernel_main();
  u32 cycles_end = cycle(), instructions_end = instret();
  print("checksum", checksum);
  print("instructions", instructions_end - instructions);
  print("cycles", cycles_end - cycles);
  *(volatile u32 *)0x100000 = 0x5555;
  for (;;) {
  }
}
