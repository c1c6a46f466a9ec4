// Tells the lab what a workload planted on purpose. The guest keeps nothing: the marks are no-ops here.

import { MARK, PLANT } from "../abi/marks.ts";

/** The block at ptr must be reported once nobody refers to it any more. */
export function plant_leak(ptr: usize, name: string): void {
  "inline";
  traceMark(MARK.PLANT, ptr, PLANT.leak, name);
}

/** The block at ptr stays in use, however it is referred to; it must not be reported. */
export function plant_nonleak(ptr: usize, name: string): void {
  "inline";
  traceMark(MARK.PLANT, ptr, PLANT.nonleak, name);
}
