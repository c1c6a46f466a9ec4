/**
 * The header of a flat Linux image for RISC-V (arch/riscv/boot/Image), 64 bytes, little-endian:
 *
 *   0 code  8 text_offset (u64)  16 image_size (u64, memory it needs, .bss included)  24 flags (bit 0: big-endian)
 *   32 version  48 "RISCV\0\0\0" (deprecated)  56 "RSC\x05"
 *
 * The image goes to RAM base + text_offset. Source: Documentation/riscv/boot-image-header.rst, Linux 6.1.
 */
import { failure, success, type Result } from "../../base/result.ts";

export interface LinuxImage {
  /** Bytes from the start of RAM. */
  readonly textOffset: number;
  /** Bytes it occupies once it runs. */
  readonly memoryBytes: number;
}

const HEADER_BYTES = 64;
const MAGIC2 = 0x0543_5352;
/** What RV64 images have. */
const TEXT_OFFSET_RV64 = 0x20_0000;

/** The header's figures; null when this is no Linux image. */
export function readLinuxImage(bytes: Uint8Array): Result<LinuxImage | null> {
  if (bytes.length < HEADER_BYTES) return success(null);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(56, true) !== MAGIC2) return success(null);
  const textOffset = view.getUint32(8, true);
  const memoryBytes = Math.max(view.getUint32(16, true), bytes.length);
  if (view.getUint32(12, true) !== 0 || view.getUint32(20, true) !== 0)
    return failure({ message: "the Linux image's header asks for more than 4 GiB", hint: "Build it for RV32." });
  if ((view.getUint32(24, true) & 1) !== 0)
    return failure({ message: "the Linux image is big-endian; this machine is little-endian" });
  if (textOffset === TEXT_OFFSET_RV64) {
    return failure({
      message: "the Linux image is for RV64 (text offset 0x200000); this machine is RV32",
      hint: "Build it with CONFIG_ARCH_RV32I=y.",
    });
  }
  return success({ textOffset, memoryBytes });
}
