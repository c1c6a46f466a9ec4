// printf-style formatting into a buffer.
//
// %[-0#][width][.precision][h|l|ll|z]conversion; width and precision may be `*`. Conversions: d i u x X o c s %, and
//   %p   address, 8 hexadecimal digits      %pS  symbol+0xoffset/0xsize
//   %ps  symbol                             %pB  as %pS for a return address: the symbol that made the call
// An argument is one word; `ll` takes two (low, high). Too few arguments read as 0. No floating point.

import { kallsyms_lookup, symbol_info } from "./kallsyms.ts";
import { chars, strnlen } from "./string.ts";

const LEFT = 1, ZERO = 2, ALTERNATE = 4, UPPER = 8, SIGNED = 16, WIDE = 32;

/** Where text goes: bytes from `at` on, none at or after `end`; `at` moves on regardless, so that it tells the length. */
class printf_state {
  at: usize;
  end: usize;
  words: Ptr<u32>;
  left: u32;
  flags: u32;
  width: u32;
  /** -1: none given. */
  precision: i32;
}

function put(s: printf_state, c: u8): void {
  "inline";
  if (s.at < s.end) cast<Ptr<u8>>(s.at)[0] = c;
  s.at += 1;
}

function fill(s: printf_state, c: u8, count: i32): void {
  for (let n = count; n > 0; n--) put(s, c);
}

function next_word(s: printf_state): u32 {
  if (s.left === 0) return 0;
  const word = s.words[0];
  s.words = s.words.add(1);
  s.left -= 1;
  return word;
}

function put_bytes(s: printf_state, text: Ptr<u8>, length: u32): void {
  const padding = i32(s.width) - i32(length);
  if ((s.flags & LEFT) === 0) fill(s, 0x20, padding);
  for (let n: u32 = 0; n < length; n++) put(s, text[n]);
  if ((s.flags & LEFT) !== 0) fill(s, 0x20, padding);
}

function put_string(s: printf_state, address: usize): void {
  const text = address < 4096 ? "(null)" : stringAt(address);
  put_bytes(s, chars(text), strnlen(text, s.precision < 0 ? 0x7fff_ffff : u32(s.precision)));
}

/** Digits of a word, last first, into `to`; their number. */
function digits(to: Ptr<u8>, value: u32, base: u32, letters: u32): u32 {
  let n: u32 = 0;
  let rest = value;
  do {
    const digit = base === 16 ? rest & 15 : rest % base;
    rest = base === 16 ? rest >>> 4 : rest / base;
    to[n] = u8(digit < 10 ? 0x30 + digit : letters + digit);
    n++;
  } while (rest !== 0);
  return n;
}

function digits64(to: Ptr<u8>, value: u64, base: u32, letters: u32): u32 {
  // One word at a time holds 8 hexadecimal, 9 decimal or 10 octal digits.
  const unit: u32 = base === 16 ? 8 : base === 10 ? 9 : 10;
  const chunk: u64 = base === 16 ? 0x1_0000_0000n : base === 10 ? 1_000_000_000n : 0x4000_0000n;
  let n: u32 = 0;
  let rest = value;
  while (rest >= chunk) {
    const low = u32(rest % chunk);
    rest = rest / chunk;
    const end = n + unit;
    n += digits(to.add(n), low, base, letters);
    while (n < end) {
      to[n] = 0x30;
      n++;
    }
  }
  return n + digits(to.add(n), u32(rest), base, letters);
}

function put_number(s: printf_state, base: u32): void {
  let low = next_word(s);
  let high: u32 = (s.flags & WIDE) !== 0 ? next_word(s) : 0;
  let sign: u32 = 0;
  if ((s.flags & SIGNED) !== 0 && i32((s.flags & WIDE) !== 0 ? high : low) < 0) {
    sign = 1;
    low = ~low + 1;
    if ((s.flags & WIDE) !== 0) high = ~high + (low === 0 ? 1 : 0);
  }
  const text = new FixedArray<u8>(24);
  const letters: u32 = (s.flags & UPPER) !== 0 ? 0x41 - 10 : 0x61 - 10;
  const length = high === 0 ? digits(text, low, base, letters)
    : digits64(text, (u64(high) << 32n) | u64(low), base, letters);
  const prefix: u32 = (s.flags & ALTERNATE) !== 0 && base === 16 ? 2 : 0;
  let zeroes = s.precision - i32(length);
  if (zeroes < 0) zeroes = 0;
  let padding = i32(s.width) - i32(length + sign + prefix) - zeroes;
  if ((s.flags & (ZERO | LEFT)) === ZERO && s.precision < 0 && padding > 0) {
    zeroes = padding;
    padding = 0;
  }
  if ((s.flags & LEFT) === 0) fill(s, 0x20, padding);
  if (sign !== 0) put(s, 0x2d);
  if (prefix !== 0) {
    put(s, 0x30);
    put(s, 0x78);
  }
  fill(s, 0x30, zeroes);
  for (let n = length; n !== 0; n--) put(s, text[n - 1]);
  if ((s.flags & LEFT) !== 0) fill(s, 0x20, padding);
}

function put_hex(s: printf_state, value: u32): void {
  const text = new FixedArray<u8>(8);
  put(s, 0x30);
  put(s, 0x78);
  for (let n = digits(text, value, 16, 0x61 - 10); n !== 0; n--) put(s, text[n - 1]);
}

/** `kind` is S, s or B. */
function put_symbol(s: printf_state, address: usize, kind: u8): void {
  const info = new symbol_info();
  const back: u32 = kind === 0x42 ? 1 : 0;
  if (!kallsyms_lookup(address - back, info)) {
    put_hex(s, address);
    return;
  }
  put_string(s, addr(info.name));
  if (kind === 0x73) return;
  put(s, 0x2b);
  put_hex(s, info.offset + back);
  put(s, 0x2f);
  put_hex(s, info.size);
}

/** %p and its kinds; how many letters of the format the kind took. */
function put_pointer(s: printf_state, kind: u8): u32 {
  if (kind === 0x53 || kind === 0x73 || kind === 0x42) {
    put_symbol(s, next_word(s), kind);
    return 1;
  }
  if (s.width === 0) {
    s.width = 8;
    s.flags |= ZERO;
  }
  put_number(s, 16);
  return 0;
}

function number_at(format: Ptr<u8>, at: u32, value: Ptr<u32>): u32 {
  let n = at;
  let sum: u32 = 0;
  while (format[n] >= 0x30 && format[n] <= 0x39) {
    sum = sum * 10 + u32(format[n]) - 0x30;
    n++;
  }
  value[0] = sum;
  return n;
}

/** Reads flags, width, precision and length after a `%`; the index of the conversion. */
function read_spec(s: printf_state, format: Ptr<u8>, start: u32): u32 {
  let n = start;
  s.flags = 0;
  s.width = 0;
  s.precision = -1;
  for (;; n++) {
    if (format[n] === 0x2d) s.flags |= LEFT;
    else if (format[n] === 0x30) s.flags |= ZERO;
    else if (format[n] === 0x23) s.flags |= ALTERNATE;
    else break;
  }
  const value: Ptr<u32> = addressOf(s.width);
  if (format[n] === 0x2a) {
    s.width = next_word(s);
    n++;
    if (i32(s.width) < 0) {
      s.flags |= LEFT;
      s.width = ~s.width + 1;
    }
  } else {
    n = number_at(format, n, value);
  }
  if (format[n] === 0x2e) {
    n++;
    if (format[n] === 0x2a) {
      s.precision = i32(next_word(s));
      n++;
    } else {
      n = number_at(format, n, cast<Ptr<u32>>(addr(addressOf(s.precision))));
    }
  }
  while (format[n] === 0x68 || format[n] === 0x6c || format[n] === 0x7a) {
    if (format[n] === 0x6c && format[n + 1] === 0x6c) s.flags |= WIDE;
    n++;
  }
  return n;
}

/** One conversion; the index of the first letter after it. */
function convert(s: printf_state, format: Ptr<u8>, at: u32): u32 {
  switch (format[at]) {
    case 0x73: // s
      put_string(s, next_word(s));
      break;
    case 0x63: { // c
      const text = new FixedArray<u8>(1);
      text[0] = u8(next_word(s));
      put_bytes(s, text, 1);
      break;
    }
    case 0x64: // d
    case 0x69: // i
      s.flags |= SIGNED;
      put_number(s, 10);
      break;
    case 0x75: // u
      put_number(s, 10);
      break;
    case 0x6f: // o
      put_number(s, 8);
      break;
    case 0x58: // X
      s.flags |= UPPER;
      put_number(s, 16);
      break;
    case 0x78: // x
      put_number(s, 16);
      break;
    case 0x70: // p
      return at + 1 + put_pointer(s, format[at + 1]);
    case 0x25: // %
      put(s, 0x25);
      break;
    case 0: // the format ends inside a conversion
      return at;
    default:
      put(s, 0x25);
      put(s, format[at]);
      break;
  }
  return at + 1;
}

/** Writes at most `size` bytes with the closing NUL; the length that the whole text has. */
export function vsnprintf(buffer: Ptr<u8>, size: u32, format: string, words: Ptr<u32>, count: u32): u32 {
  const s = new printf_state();
  s.at = addr(buffer);
  s.end = addr(buffer) + size;
  s.words = words;
  s.left = count;
  const f = chars(format);
  let n: u32 = 0;
  while (f[n] !== 0) {
    if (f[n] === 0x25) {
      n = convert(s, f, read_spec(s, f, n + 1));
    } else {
      put(s, f[n]);
      n++;
    }
  }
  if (size !== 0) cast<Ptr<u8>>(s.at < s.end ? s.at : s.end - 1)[0] = 0;
  return s.at - addr(buffer);
}

export function snprintf(buffer: Ptr<u8>, size: u32, format: string, ...args: vararg[]): u32 {
  return vsnprintf(buffer, size, format, vaWords(args), args.length);
}

/** As snprintf, but the length that was really written, without the NUL. */
export function scnprintf(buffer: Ptr<u8>, size: u32, format: string, ...args: vararg[]): u32 {
  if (size === 0) return 0;
  const length = vsnprintf(buffer, size, format, vaWords(args), args.length);
  return length < size ? length : size - 1;
}
