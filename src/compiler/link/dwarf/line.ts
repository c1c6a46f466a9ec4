/**
 * `.debug_line`, version 4: one sequence for each executable section. Every row begins a statement.
 */
import type { Location, LocationId } from "../../ir.ts";
import { ByteWriter } from "../bytes.ts";
import type { Linked } from "../linked.ts";
import type { FileNumbers, RowSequence } from "../rows.ts";
import { LNE, LNS } from "./constants.ts";

const LINE_BASE = -5;
const LINE_RANGE = 14;
const OPCODE_BASE = 13;
/** Operands of the standard opcodes 1 to 12. */
const OPERAND_COUNTS = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1];

interface State {
  address: number;
  file: number;
  line: number;
  column: number;
}

function advance(
  w: ByteWriter,
  state: State,
  address: number,
  file: number,
  line: number,
  column: number,
): void {
  if (file !== state.file) w.u8(LNS.set_file).uleb(file);
  if (column !== state.column) w.u8(LNS.set_column).uleb(column);
  const step = address - state.address;
  const lines = line - state.line;
  const special = lines - LINE_BASE + LINE_RANGE * step + OPCODE_BASE;
  if (lines >= LINE_BASE && lines < LINE_BASE + LINE_RANGE && special <= 255) {
    w.u8(special);
  } else {
    if (step !== 0) w.u8(LNS.advance_pc).uleb(step);
    if (lines !== 0) w.u8(LNS.advance_line).sleb(lines);
    w.u8(LNS.copy);
  }
  Object.assign(state, { address, file, line, column });
}

/**
 * The rows of one section. A function whose code begins with a row of its body gets the row of its
 * declaration before that, at the same address: to gdb this is a prologue without instructions.
 */
function sequence(
  w: ByteWriter,
  s: RowSequence,
  declarations: ReadonlyMap<number, LocationId>,
  locations: readonly Location[],
  files: FileNumbers,
): void {
  const state: State = { address: s.rows[0].address, file: 1, line: 1, column: 0 };
  w.u8(0).uleb(5).u8(LNE.set_address).u32(state.address);
  for (const row of s.rows) {
    const { file, line, column } = locations[row.loc];
    const declaration = declarations.get(row.address);
    if (declaration !== undefined && declaration !== row.loc) {
      const at = locations[declaration];
      advance(w, state, row.address, files.number(at.file) + 1, at.line, at.column);
    }
    advance(w, state, row.address, files.number(file) + 1, line + row.lineOffset, column);
  }
  w.u8(LNS.advance_pc)
    .uleb(s.end - state.address)
    .u8(0)
    .uleb(1)
    .u8(LNE.end_sequence);
}

export function debugLine(
  linked: Linked,
  sequences: readonly RowSequence[],
  files: FileNumbers,
): Uint8Array {
  const program = new ByteWriter();
  const codes = linked.layout.sections.flatMap((section) => section.codes);
  const declarations = new Map(
    codes.filter((c) => c.loc !== 0 && c.size > 0).map((c) => [c.address, c.loc]),
  );
  for (const s of sequences) sequence(program, s, declarations, linked.unit.locations, files);
  const tables = new ByteWriter()
    .u8(1)
    .u8(1)
    .u8(1)
    .u8(LINE_BASE)
    .u8(LINE_RANGE)
    .u8(OPCODE_BASE)
    .raw(OPERAND_COUNTS);
  tables.u8(0);
  for (const name of files.names) tables.string(name).uleb(0).uleb(0).uleb(0);
  tables.u8(0);
  const w = new ByteWriter()
    .u32(2 + 4 + tables.length + program.length)
    .u16(4)
    .u32(tables.length);
  return w.raw(tables.bytes()).raw(program.bytes()).bytes();
}
