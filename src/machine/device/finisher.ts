/**
 * SiFive's test finisher: one write-only register that ends the machine. Low half: 0x5555 power
 * off, 0x7777 reboot, 0x3333 failure with the code in the high half. Stateless.
 */
import { requestStop } from "../board.ts";
import { BOARD } from "../memory/layout.ts";
import { NO_ANSWER, type Device } from "./device.ts";

const FAIL = 0x3333;
const PASS = 0x5555;
const RESET = 0x7777;

export const FINISHER: Device = {
  name: "finisher",
  base: BOARD.FINISHER,
  size: 0x1000,

  load(_board, _hart, _offset, size) {
    return size === 1 ? NO_ANSWER : 0;
  },

  store(board, _hart, offset, size, value) {
    if (size === 1) return false;
    if (offset !== 0) return true;
    const command = value & 0xffff;
    if (command === PASS) requestStop(board, { kind: "poweroff" });
    else if (command === RESET) requestStop(board, { kind: "reboot" });
    else if (command === FAIL) requestStop(board, { kind: "failure", code: value >>> 16 });
    return true;
  },
};
