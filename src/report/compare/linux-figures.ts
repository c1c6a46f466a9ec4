/**
 * What a scan costs Linux on the same instruction set: 6.1.192 for rv32ima SMP under qemu-system-riscv32 7.2 with
 * `-icount shift=0,sleep=off`, one hart, the third scan of each setting, in executed instructions. Contents of the live objects: zero.
 */
export interface LinuxScan {
  readonly objects: number;
  readonly bytesEach: number;
  readonly instructions: number;
}

export const LINUX_NAME = "Linux 6.1 (rv32, one hart)";

/** The scan without live objects reads 6,068,758 bytes of roots. */
const EMPTY: LinuxScan = { objects: 0, bytesEach: 0, instructions: 56_262_381 };

const SCANS: readonly LinuxScan[] = [
  { objects: 5_000, bytesEach: 64, instructions: 62_370_652 },
  { objects: 50_000, bytesEach: 64, instructions: 119_418_121 },
  { objects: 5_000, bytesEach: 512, instructions: 79_343_716 },
  { objects: 20_000, bytesEach: 512, instructions: 140_564_682 },
  { objects: 50_000, bytesEach: 512, instructions: 261_950_393 },
];

/** What the objects add to the scan of the roots alone: the kernels' roots are not of one size. */
export function linuxScans(bytesEach: number): readonly LinuxScan[] {
  return SCANS.filter((one) => one.bytesEach === bytesEach).map((one) => ({ ...one, instructions: one.instructions - EMPTY.instructions }));
}
