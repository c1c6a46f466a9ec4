// Boot arguments: `key=value` or `key`, separated by blanks. A key may come several times; for a single value the last wins.
//
// cmdline_setup copies the text and ends each argument with a NUL; values handed out point into that copy, which stays.
// Who asks for a key marks it as known; cmdline_report_unknown names the others at the end, when everybody has asked.
// Limit: COMMAND_LINE_SIZE bytes; what is behind them is dropped, and a message says so.

import { pr_err, pr_warn } from "./printk.ts";
import { strcmp, strlen } from "./string.ts";

const COMMAND_LINE_SIZE = 4096;
const BLANK = 0x20;
const EQUALS = 0x3d;

/** All arguments, each with its NUL. */
const command_line = new FixedArray<u8>(COMMAND_LINE_SIZE);
/** Bytes used, the last NUL included. */
let command_line_length: u32 = 0;
/** One bit a byte of command_line: the argument that begins there has a key that somebody asked for. */
const known = new FixedArray<u32>(COMMAND_LINE_SIZE / 32);

/** `text` may be 0: no arguments. */
export function cmdline_setup(text: usize): void {
  if (text === 0) return;
  const from = cast<Ptr<u8>>(text);
  let n: u32 = 0;
  for (; from[n] !== 0 && n < COMMAND_LINE_SIZE - 1; n++)
    command_line[n] = from[n] === BLANK ? 0 : from[n];
  if (from[n] !== 0)
    pr_warn("cmdline: longer than %u bytes, the rest is dropped\n", COMMAND_LINE_SIZE - 1);
  command_line[n] = 0;
  command_line_length = n + 1;
}

/** The value behind `key=`, the empty string for a bare key, or 0 when this argument has another key. */
function value_of(argument: usize, key: string): usize {
  const text = cast<Ptr<u8>>(argument);
  const want = cast<Ptr<u8>>(addr(key));
  let n: u32 = 0;
  while (want[n] !== 0 && text[n] === want[n]) n++;
  if (want[n] !== 0) return 0;
  if (text[n] === EQUALS) return argument + n + 1;
  return text[n] === 0 ? argument + n : 0;
}

/** Addresses of the values of all arguments with that key, in order. */
export function* for_each_option(key: string): Generator<usize> {
  const end = addr(command_line) + command_line_length;
  for (let at = addr(command_line); at < end; at += strlen(stringAt(at)) + 1) {
    const value = value_of(at, key);
    if (value === 0) continue;
    const n = at - addr(command_line);
    amoOr(addressOf(known[n / 32]), 1 << (n % 32));
    yield value;
  }
}

/** A line for each argument that nobody has asked for: misspelt, or of something that this kernel is built without. seed= always comes. */
export function cmdline_report_unknown(): void {
  const end = addr(command_line) + command_line_length;
  for (let at = addr(command_line); at < end; at += strlen(stringAt(at)) + 1) {
    const n = at - addr(command_line);
    const asked = (READ_ONCE(known[n / 32]) & (1 << (n % 32))) !== 0 || value_of(at, "seed") !== 0;
    if (!asked && strlen(stringAt(at)) !== 0) pr_warn("cmdline: nobody has asked for %s\n", stringAt(at));
  }
}

/** The value, or 0 when no argument has the key. */
function find_option(key: string): usize {
  let found: usize = 0;
  for (const value of for_each_option(key)) found = value;
  return found;
}

export function get_option(key: string, fallback: string): string {
  const value = find_option(key);
  return value === 0 ? fallback : stringAt(value);
}

function digit(c: u8): u32 {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  if (c >= 0x61 && c <= 0x66) return c - 0x57;
  return 99;
}

/** A decimal or 0x number, up to the first other character. */
export function parse_u32(address: usize): u32 {
  const text = cast<Ptr<u8>>(address);
  const hex = text[0] === 0x30 && text[1] === 0x78;
  const base: u32 = hex ? 16 : 10;
  let n: u32 = 0;
  for (let i: u32 = hex ? 2 : 0; digit(text[i]) < base; i++) n = n * base + digit(text[i]);
  return n;
}

/** As parse_u32, with an optional minus sign. */
export function parse_i32(address: usize): i32 {
  const minus = cast<Ptr<u8>>(address)[0] === 0x2d;
  return minus ? 0 - i32(parse_u32(address + 1)) : i32(parse_u32(address));
}

/** The first character behind a decimal number. */
function unit_of(address: usize): Ptr<u8> {
  let p = cast<Ptr<u8>>(address);
  while (digit(p[0]) < 10) p = p.add(1);
  return p;
}

/** `50ms`, `3us`, `1s`, `20ns` or milliseconds without a unit; rounded up to milliseconds. */
export function parse_duration_ms(address: usize): u32 {
  const n = parse_u32(address);
  const unit = unit_of(address);
  if (unit[0] === 0x73) return n * 1000;
  if (unit[0] === 0x75) return (n + 999) / 1000;
  if (unit[0] === 0x6e) return (n + 999_999) / 1_000_000;
  return n;
}

export function get_option_u32(key: string, fallback: u32): u32 {
  const value = find_option(key);
  if (value === 0) return fallback;
  if (digit(cast<Ptr<u8>>(value)[0]) > 9) {
    pr_err("cmdline: %s=%s is not a number, taking %u\n", key, value, fallback);
    return fallback;
  }
  return parse_u32(value);
}

export function get_option_ms(key: string, fallback: u32): u32 {
  const value = find_option(key);
  if (value === 0) return fallback;
  if (digit(cast<Ptr<u8>>(value)[0]) > 9) {
    pr_err("cmdline: %s=%s is not a duration, taking %ums\n", key, value, fallback);
    return fallback;
  }
  return parse_duration_ms(value);
}

/** As get_option_ms, in milliseconds too, but a number without a unit is seconds: for parameters that Linux has in seconds. */
export function get_option_secs(key: string, fallback_ms: u32): u32 {
  const value = find_option(key);
  if (value === 0) return fallback_ms;
  const ms = get_option_ms(key, fallback_ms);
  return digit(cast<Ptr<u8>>(value)[0]) <= 9 && unit_of(value)[0] === 0 ? ms * 1000 : ms;
}

/** `key=off` (or 0, no). */
export function option_is_off(key: string): boolean {
  const value = get_option(key, "on");
  return strcmp(value, "off") === 0 || strcmp(value, "0") === 0 || strcmp(value, "no") === 0;
}
