/** The shapes of the entries in `.debug_info`, and `.debug_abbrev` made from them. */
import { ByteWriter } from "../bytes.ts";
import { AT, FORM, TAG } from "./constants.ts";

interface Shape {
  readonly tag: number;
  readonly children: boolean;
  readonly attributes: readonly (readonly [attribute: number, form: number])[];
}

/** Codes of the shapes. */
export const ABBREV = {
  unit: 1,
  base: 2,
  pointer: 3,
  struct: 4,
  member: 5,
  array: 6,
  bound: 7,
  function: 8,
  placelessFunction: 9,
  variable: 10,
  placelessVariable: 11,
  voidPointer: 12,
  routine: 13,
  inlinedName: 14,
  inlinedRange: 15,
  inlinedRanges: 16,
  parameter: 17,
  lostParameter: 18,
  lostVariable: 19,
  movingVariable: 20,
  blockRange: 21,
  blockRanges: 22,
  resultFunction: 23,
} as const;

/** Added to the code of a shape that has children, for an entry without any. */
export const CHILDLESS = 32;

const FUNCTION_RANGE = [
  [AT.low_pc, FORM.addr],
  [AT.high_pc, FORM.data4],
  [AT.frame_base, FORM.exprloc],
] as const;
const PLACE = [
  [AT.decl_file, FORM.udata],
  [AT.decl_line, FORM.udata],
] as const;
const CALL = [
  [AT.abstract_origin, FORM.ref4],
  [AT.call_file, FORM.udata],
  [AT.call_line, FORM.udata],
] as const;
const NAME = [AT.name, FORM.strp] as const;
const TYPE = [AT.type, FORM.ref4] as const;

const SHAPES: Readonly<Record<keyof typeof ABBREV, Shape>> = {
  unit: {
    tag: TAG.compile_unit,
    children: true,
    attributes: [
      NAME,
      [AT.comp_dir, FORM.strp],
      [AT.producer, FORM.strp],
      [AT.language, FORM.data2],
      [AT.low_pc, FORM.addr],
      [AT.ranges, FORM.sec_offset],
      [AT.stmt_list, FORM.sec_offset],
    ],
  },
  base: {
    tag: TAG.base_type,
    children: false,
    attributes: [NAME, [AT.byte_size, FORM.data1], [AT.encoding, FORM.data1]],
  },
  pointer: {
    tag: TAG.pointer_type,
    children: false,
    attributes: [[AT.byte_size, FORM.data1], TYPE],
  },
  struct: {
    tag: TAG.structure_type,
    children: true,
    attributes: [NAME, [AT.byte_size, FORM.udata]],
  },
  member: {
    tag: TAG.member,
    children: false,
    attributes: [NAME, TYPE, [AT.data_member_location, FORM.udata]],
  },
  array: { tag: TAG.array_type, children: true, attributes: [TYPE] },
  bound: { tag: TAG.subrange_type, children: false, attributes: [[AT.count, FORM.udata]] },
  function: {
    tag: TAG.subprogram,
    children: true,
    attributes: [NAME, [AT.external, FORM.flag_present], ...PLACE, ...FUNCTION_RANGE],
  },
  placelessFunction: {
    tag: TAG.subprogram,
    children: true,
    attributes: [NAME, ...FUNCTION_RANGE],
  },
  variable: {
    tag: TAG.variable,
    children: false,
    attributes: [NAME, TYPE, ...PLACE, [AT.location, FORM.exprloc]],
  },
  placelessVariable: {
    tag: TAG.variable,
    children: false,
    attributes: [NAME, TYPE, [AT.location, FORM.exprloc]],
  },
  voidPointer: { tag: TAG.pointer_type, children: false, attributes: [[AT.byte_size, FORM.data1]] },
  routine: { tag: TAG.subroutine_type, children: false, attributes: [] },
  inlinedName: {
    tag: TAG.subprogram,
    children: false,
    attributes: [NAME, [AT.inline, FORM.data1]],
  },
  inlinedRange: {
    tag: TAG.inlined_subroutine,
    children: true,
    attributes: [...CALL, [AT.low_pc, FORM.addr], [AT.high_pc, FORM.data4]],
  },
  inlinedRanges: {
    tag: TAG.inlined_subroutine,
    children: true,
    attributes: [...CALL, [AT.ranges, FORM.sec_offset]],
  },
  parameter: {
    tag: TAG.formal_parameter,
    children: false,
    attributes: [NAME, TYPE, ...PLACE, [AT.location, FORM.sec_offset]],
  },
  lostParameter: { tag: TAG.formal_parameter, children: false, attributes: [NAME, TYPE, ...PLACE] },
  lostVariable: { tag: TAG.variable, children: false, attributes: [NAME, TYPE, ...PLACE] },
  movingVariable: {
    tag: TAG.variable,
    children: false,
    attributes: [NAME, TYPE, ...PLACE, [AT.location, FORM.sec_offset]],
  },
  blockRange: {
    tag: TAG.lexical_block,
    children: true,
    attributes: [[AT.low_pc, FORM.addr], [AT.high_pc, FORM.data4]],
  },
  blockRanges: { tag: TAG.lexical_block, children: true, attributes: [[AT.ranges, FORM.sec_offset]] },
  resultFunction: {
    tag: TAG.subprogram,
    children: true,
    attributes: [NAME, TYPE, [AT.external, FORM.flag_present], ...PLACE, ...FUNCTION_RANGE],
  },
};

function writeShape(w: ByteWriter, code: number, { tag, attributes }: Shape, children: boolean): void {
  w.uleb(code).uleb(tag).u8(children ? 1 : 0);
  for (const [attribute, form] of attributes) w.uleb(attribute).uleb(form);
  w.u8(0).u8(0);
}

export function debugAbbrev(): Uint8Array {
  const w = new ByteWriter();
  for (const [name, code] of Object.entries(ABBREV)) {
    const shape = SHAPES[name as keyof typeof ABBREV];
    writeShape(w, code, shape, shape.children);
    if (shape.children) writeShape(w, code + CHILDLESS, shape, false);
  }
  return w.u8(0).bytes();
}
