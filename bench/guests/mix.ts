// Hot integer code on little data: a linked list is searched and reversed, matrices are multiplied, a CRC is computed, a
// state machine reads text. All of it stays in 32 KiB, so the engine and not the memory is measured.

import { finish_with } from "./report.ts";
import { ROUNDS } from "./settings.ts";
import { xorshift } from "./xorshift.ts";

const LIST_LENGTH = 512;
const SEARCHES = 40;
/** Rows of a square matrix. */
const ORDER = 24;
const TEXT_BYTES = 4096;
const CRC_BYTES = 1024;
const ALPHABET_BYTES = 20;

class node {
  next: node | null;
  value: u32;
}

const nodes = new StructArray(node, LIST_LENGTH);
const order = new FixedArray<u32>(LIST_LENGTH);
const a = new FixedArray<u32>(ORDER * ORDER);
const b = new FixedArray<u32>(ORDER * ORDER);
const product = new FixedArray<u32>(ORDER * ORDER);
const text = new FixedArray<u8>(TEXT_BYTES);
const visits = new FixedArray<u32>(8);

function reverse(list: node | null): node | null {
  "noinline";
  let done: node | null = null;
  let rest = list;
  while (rest !== null) {
    const next = rest.next;
    rest.next = done;
    done = rest;
    rest = next;
  }
  return done;
}

/** Nodes in front of the one that holds `value`. */
function find(list: node | null, value: u32): u32 {
  "noinline";
  let count: u32 = 0;
  for (let n = list; n !== null && n.value !== value; n = n.next) count++;
  return count;
}

function multiply(): void {
  "noinline";
  for (let i: u32 = 0; i < ORDER; i++) {
    for (let j: u32 = 0; j < ORDER; j++) {
      let sum: u32 = 0;
      for (let k: u32 = 0; k < ORDER; k++) sum += a[i * ORDER + k] * b[k * ORDER + j];
      product[i * ORDER + j] = sum;
    }
  }
}

/** One byte more into a CRC-16 (polynomial 0x8005, reflected), bit by bit. */
function crc_byte(crc: u32, byte: u32): u32 {
  "noinline";
  let result = crc;
  let bits = byte;
  for (let i: u32 = 0; i < 8; i++) {
    const differ = (bits ^ result) & 1;
    bits >>= 1;
    result >>= 1;
    if (differ !== 0) result ^= 0xa001;
  }
  return result;
}

function is_digit(c: u32): boolean {
  "inline";
  return c >= 48 && c <= 57;
}

/** States of a reader of numbers: what was read last. */
const enum READ {
  NOTHING,
  DIGIT,
  SIGN,
  POINT,
  EXPONENT,
  EXPONENT_SIGN,
  NONSENSE,
  EXPONENT_DIGIT,
}

function next_state(state: u32, c: u32): u32 {
  "inline";
  switch (state) {
    case READ.NOTHING:
      if (is_digit(c)) return READ.DIGIT;
      if (c === 43 || c === 45) return READ.SIGN;
      return c === 46 ? READ.POINT : READ.NONSENSE;
    case READ.DIGIT:
      if (c === 46) return READ.POINT;
      return is_digit(c) ? READ.DIGIT : READ.NONSENSE;
    case READ.SIGN:
      if (is_digit(c)) return READ.DIGIT;
      return c === 46 ? READ.POINT : READ.NONSENSE;
    case READ.POINT:
      if (c === 101 || c === 69) return READ.EXPONENT;
      return is_digit(c) ? READ.POINT : READ.NONSENSE;
    case READ.EXPONENT:
      return c === 43 || c === 45 ? READ.EXPONENT_SIGN : READ.NONSENSE;
    case READ.EXPONENT_SIGN:
      return is_digit(c) ? READ.EXPONENT_DIGIT : READ.NONSENSE;
    case READ.NONSENSE:
      return c === 44 ? READ.NOTHING : READ.NONSENSE;
    default:
      if (c === 44) return READ.NOTHING;
      return is_digit(c) ? READ.EXPONENT_DIGIT : READ.NONSENSE;
  }
}

/** Reads the whole text and counts each state's visits; the last state. */
function read_numbers(): u32 {
  "noinline";
  let state: u32 = READ.NOTHING;
  for (let i: u32 = 0; i < TEXT_BYTES; i++) {
    state = next_state(state, text[i]);
    visits[state]++;
  }
  return state;
}

/** Fills everything; the head of the list, whose nodes follow each other in no order. */
function prepare(): node {
  let random: u32 = 12345;
  for (let i: u32 = 0; i < LIST_LENGTH; i++) {
    nodes[i].value = (i * 7) & (LIST_LENGTH - 1);
    order[i] = i;
  }
  for (let i: u32 = LIST_LENGTH - 1; i > 0; i--) {
    random = xorshift(random);
    const j = random % (i + 1);
    const swapped = order[i];
    order[i] = order[j];
    order[j] = swapped;
  }
  for (let i: u32 = 0; i + 1 < LIST_LENGTH; i++) nodes[order[i]].next = nodes[order[i + 1]];
  nodes[order[LIST_LENGTH - 1]].next = null;
  for (let i: u32 = 0; i < ORDER * ORDER; i++) {
    random = xorshift(random);
    a[i] = random & 0xff;
    b[i] = (random >>> 8) & 0xff;
  }
  const alphabet = cast<Ptr<u8>>(addr("0123456789+-.eE,,,,,"));
  for (let i: u32 = 0; i < TEXT_BYTES; i++) {
    random = xorshift(random);
    text[i] = alphabet[random % ALPHABET_BYTES];
  }
  return nodes[order[0]];
}

export function guest_main(_hart: u32): void {
  let list: node | null = prepare();
  let sum: u32 = 0;
  for (let round: u32 = 0; round < ROUNDS; round++) {
    for (let i: u32 = 0; i < SEARCHES; i++) {
      sum += find(list, (round + i * 13) & (LIST_LENGTH - 1));
      list = reverse(list);
    }
    multiply();
    for (let i: u32 = 0; i < ORDER * ORDER; i++) sum += product[i];
    a[round % (ORDER * ORDER)] ^= sum & 0xff;
    let crc = sum & 0xffff;
    for (let i: u32 = 0; i < CRC_BYTES; i++) crc = crc_byte(crc, text[i]);
    sum ^= crc;
    sum += read_numbers() + visits[round & 7];
    sum = sum * 31 + sum / (round + 3) + (sum % 1000);
  }
  finish_with(sum);
}
