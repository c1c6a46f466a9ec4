// Memory blocks (word-wise) and NUL-terminated strings. Blocks are given by address; a string that is
// written to is a `Ptr<u8>`, any other a `string` (`stringAt(address)` makes one of an address).

function store8(at: usize, value: u8): void {
  "inline";
  cast<Ptr<u8>>(at)[0] = value;
}

/** Fill `size` bytes. Eight words a round where the address is aligned: about 1.3 instructions a word. */
export function memset(at: usize, value: u32, size: usize): void {
  let p = at;
  const end = at + size;
  const byte = u8(value);
  while (p < end && (p & 3) !== 0) {
    store8(p, byte);
    p += 1;
  }
  const word = (value & 0xff) * 0x0101_0101;
  const blocks = p + ((end - p) & ~31);
  while (p < blocks) {
    const q = cast<Ptr<u32>>(p);
    q[0] = word;
    q[1] = word;
    q[2] = word;
    q[3] = word;
    q[4] = word;
    q[5] = word;
    q[6] = word;
    q[7] = word;
    p += 32;
  }
  const words = p + ((end - p) & ~3);
  while (p < words) {
    cast<Ptr<u32>>(p)[0] = word;
    p += 4;
  }
  while (p < end) {
    store8(p, byte);
    p += 1;
  }
}

/** Copy between blocks that do not overlap. */
export function memcpy(to: usize, from: usize, size: usize): void {
  let d = to;
  let s = from;
  const end = to + size;
  if (((d ^ s) & 3) === 0) {
    while (d < end && (d & 3) !== 0) {
      store8(d, cast<Ptr<u8>>(s)[0]);
      d += 1;
      s += 1;
    }
    const blocks = d + ((end - d) & ~15);
    while (d < blocks) {
      const q = cast<Ptr<u32>>(d);
      const r = cast<Ptr<u32>>(s);
      const w0 = r[0];
      const w1 = r[1];
      const w2 = r[2];
      const w3 = r[3];
      q[0] = w0;
      q[1] = w1;
      q[2] = w2;
      q[3] = w3;
      d += 16;
      s += 16;
    }
    const words = d + ((end - d) & ~3);
    while (d < words) {
      cast<Ptr<u32>>(d)[0] = cast<Ptr<u32>>(s)[0];
      d += 4;
      s += 4;
    }
  }
  while (d < end) {
    store8(d, cast<Ptr<u8>>(s)[0]);
    d += 1;
    s += 1;
  }
}

/** As memcpy, for blocks that may overlap. */
export function memmove(to: usize, from: usize, size: usize): void {
  if (to <= from || to >= from + size) {
    memcpy_forward(to, from, size);
    return;
  }
  for (let n = size; n !== 0; n--) store8(to + n - 1, cast<Ptr<u8>>(from + n - 1)[0]);
}

function memcpy_forward(to: usize, from: usize, size: usize): void {
  for (let n: u32 = 0; n < size; n++) store8(to + n, cast<Ptr<u8>>(from + n)[0]);
}

/** 0 when equal, else the difference of the first bytes that differ. */
export function memcmp(a: usize, b: usize, size: usize): i32 {
  for (let n: u32 = 0; n < size; n++) {
    const x = cast<Ptr<u8>>(a + n)[0];
    const y = cast<Ptr<u8>>(b + n)[0];
    if (x !== y) return i32(x) - i32(y);
  }
  return 0;
}

/** The bytes of a string. */
export function chars(s: string): Ptr<u8> {
  "inline";
  return cast<Ptr<u8>>(addr(s));
}

export function strlen(s: string): u32 {
  const p = chars(s);
  let n: u32 = 0;
  while (p[n] !== 0) n++;
  return n;
}

export function strnlen(s: string, max: u32): u32 {
  const p = chars(s);
  let n: u32 = 0;
  while (n < max && p[n] !== 0) n++;
  return n;
}

/** As strcmp, looking at no more than `max` bytes. */
export function strncmp(a: string, b: string, max: u32): i32 {
  const p = chars(a);
  const q = chars(b);
  for (let n: u32 = 0; n < max; n++) {
    const x = p[n];
    const y = q[n];
    if (x !== y) return i32(x) - i32(y);
    if (x === 0) return 0;
  }
  return 0;
}

/** 0 when equal, else the difference of the first bytes that differ. */
export function strcmp(a: string, b: string): i32 {
  return strncmp(a, b, 0xffff_ffff);
}

/** Copy at most `size` bytes and fill the rest with zeroes; no NUL when the source is longer. */
export function strncpy(to: Ptr<u8>, from: string, size: u32): void {
  const p = chars(from);
  let n: u32 = 0;
  while (n < size && p[n] !== 0) {
    to[n] = p[n];
    n++;
  }
  while (n < size) {
    to[n] = 0;
    n++;
  }
}

/** Copy what fits, always with a NUL. The length of `from`: larger than `size - 1` means it was cut. */
export function strlcpy(to: Ptr<u8>, from: string, size: u32): u32 {
  const length = strlen(from);
  if (size !== 0) {
    const kept = length < size - 1 ? length : size - 1;
    memcpy(addr(to), addr(from), kept);
    to[kept] = 0;
  }
  return length;
}

/** The first `c` in `s`, or null. */
export function strchr(s: string, c: u8): Ptr<u8> | null {
  const p = chars(s);
  for (let n: u32 = 0; ; n++) {
    if (p[n] === c) return p.add(n);
    if (p[n] === 0) return null;
  }
}
