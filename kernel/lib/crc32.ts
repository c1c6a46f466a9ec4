// CRC-32, polynomial 0xedb88320, low bit first, without inversions: crc32_le(0, …) of zeroes is 0.
//
// A table of 16 words for four bits at a time, whose words are no kernel addresses that kmemleak could take for references (with 256
// entries one has every top byte); or four tables of 256 words for four bytes at a time, in memory of the caller's that no scan reads.
// Whoever owns the bytes may write them meanwhile.

const nibbles: u32[] = [
  0x0000_0000, 0x1db7_1064, 0x3b6e_20c8, 0x26d9_30ac, 0x76dc_4190, 0x6b6b_51f4, 0x4db2_6158, 0x5005_713c,
  0xedb8_8320, 0xf00f_9344, 0xd6d6_a3e8, 0xcb61_b38c, 0x9b64_c2b0, 0x86d3_d2d4, 0xa00a_e278, 0xbdbd_f21c,
];

/** Words of the table that crc32_table_init fills. */
export const CRC32_TABLE_WORDS = 1024;

/** Of `size` bytes at `at`, going on from `seed`. */
export function crc32_le(seed: u32, at: usize, size: usize): u32 {
  const bytes = cast<Ptr<u8>>(at);
  let crc = seed;
  for (let i: usize = 0; i < size; i++) {
    crc ^= data_race(bytes[i]);
    crc = (crc >>> 4) ^ nibbles[crc & 15];
    crc = (crc >>> 4) ^ nibbles[crc & 15];
  }
  return crc;
}

/** table[256 * k + b]: what byte b becomes on its way through k more bytes. */
export function crc32_table_init(table: Ptr<u32>): void {
  for (let b: u32 = 0; b < 256; b++) {
    const crc = (b >>> 4) ^ nibbles[b & 15];
    table[b] = (crc >>> 4) ^ nibbles[crc & 15];
  }
  for (let b: u32 = 256; b < CRC32_TABLE_WORDS; b++) {
    const crc = table[b - 256];
    table[b] = (crc >>> 8) ^ table[crc & 0xff];
  }
}

/** As crc32_le, with a table, of memory that begins at a word. */
export function crc32_le_by_word(seed: u32, at: usize, size: usize, table: Ptr<u32>): u32 {
  const words = cast<Ptr<u32>>(at);
  const count = size >>> 2;
  let crc = seed;
  for (let i: u32 = 0; i < count; i++) {
    crc ^= data_race(words[i]);
    crc = table[768 + (crc & 0xff)] ^ table[512 + ((crc >>> 8) & 0xff)] ^ table[256 + ((crc >>> 16) & 0xff)] ^ table[crc >>> 24];
  }
  return crc32_le(crc, at + count * 4, size & 3);
}
