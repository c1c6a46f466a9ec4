/** The numbers of DWARF 4 that are used here (sections 7.5, 7.7, 7.21, 7.23 of the standard). */

export const TAG = {
  array_type: 0x01,
  pointer_type: 0x0f,
  compile_unit: 0x11,
  structure_type: 0x13,
  subroutine_type: 0x15,
  member: 0x0d,
  formal_parameter: 0x05,
  base_type: 0x24,
  lexical_block: 0x0b,
  subprogram: 0x2e,
  variable: 0x34,
  subrange_type: 0x21,
  inlined_subroutine: 0x1d,
} as const;

export const AT = {
  name: 0x03,
  byte_size: 0x0b,
  stmt_list: 0x10,
  low_pc: 0x11,
  high_pc: 0x12,
  language: 0x13,
  comp_dir: 0x1b,
  producer: 0x25,
  count: 0x37,
  data_member_location: 0x38,
  decl_file: 0x3a,
  decl_line: 0x3b,
  encoding: 0x3e,
  external: 0x3f,
  frame_base: 0x40,
  location: 0x02,
  type: 0x49,
  ranges: 0x55,
  inline: 0x20,
  abstract_origin: 0x31,
  call_file: 0x58,
  call_line: 0x59,
} as const;

export const FORM = {
  addr: 0x01,
  data2: 0x05,
  data4: 0x06,
  data1: 0x0b,
  strp: 0x0e,
  udata: 0x0f,
  ref4: 0x13,
  sec_offset: 0x17,
  exprloc: 0x18,
  flag_present: 0x19,
} as const;

export const ATE = { boolean: 0x02, signed: 0x05, signed_char: 0x06, unsigned: 0x07 } as const;
export const OP = {
  addr: 0x03,
  deref: 0x06,
  const1u: 0x08,
  const4u: 0x0c,
  and: 0x1a,
  minus: 0x1c,
  mul: 0x1e,
  or: 0x21,
  plus: 0x22,
  shl: 0x24,
  shr: 0x25,
  shra: 0x26,
  xor: 0x27,
  lt: 0x2d,
  lit0: 0x30,
  reg0: 0x50,
  breg0: 0x70,
  fbreg: 0x91,
  piece: 0x93,
  call_frame_cfa: 0x9c,
  stack_value: 0x9f,
} as const;
/** Inlined without having been declared so. */
export const INL_INLINED = 1;
/** So that gdb reads expressions as C: `table[3].next->size`. */
export const LANG_C99 = 0x0c;

export const LNS = { copy: 1, advance_pc: 2, advance_line: 3, set_file: 4, set_column: 5 } as const;
export const LNE = { end_sequence: 1, set_address: 2 } as const;
