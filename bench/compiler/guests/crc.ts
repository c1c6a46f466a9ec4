// CRC-32 by table over 4 KiB.

const table = new FixedArray<u32>(256);
const data = new FixedArray<u8>(4096);

function make_table(): void {
  for (let n: u32 = 0; n < 256; n++) {
    let c = n;
    for (let k: u32 = 0; k < 8; k++) c = (c & 1) !== 0 ? (c >>> 1) ^ 0xedb8_8320 : c >>> 1;
    table[n] = c;
  }
}

function crc32(bytes: Ptr<u8>, length: u32): u32 {
  "noinline";
  let c: u32 = 0xffff_ffff;
  for (let i: u32 = 0; i < length; i++) c = table[(c ^ bytes[i]) & 0xff] ^ (c >>> 8);
  return ~c;
}

export function kernel_main(): u32 {
  make_table();
  for (let i: u32 = 0; i < 4096; i++) data[i] = u8(i * 7);
  let sum: u32 = 0;
  for (let round: u32 = 0; round < 10; round++) {
    sum += crc32(addressOf(data[0]), 4096);
    data[round] = u8(sum);
  }
  return sum;
}
