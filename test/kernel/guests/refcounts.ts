// Each kind of misuse of a reference count, twice: the second time it is only counted right.

import { pr_info } from "../lib/printk.ts";
import {
  refcount_add, refcount_dec, refcount_dec_and_test, refcount_inc, refcount_inc_not_zero, refcount_read, refcount_set,
  refcount_t,
} from "../lib/refcount.ts";

function show(what: string, r: refcount_t): void {
  pr_info("%s: %08x\n", what, refcount_read(r));
}

export function misuse(_arg: u32): void {
  const r = new refcount_t();
  for (let round: u32 = 0; round < 2; round++) {
    refcount_set(r, 0);
    refcount_inc(r);
    show("inc of 0", r);
    refcount_set(r, 0);
    const last = refcount_dec_and_test(r);
    show(last ? "dec of 0 was the last" : "dec of 0", r);
    refcount_set(r, 1);
    refcount_dec(r);
    show("dec to 0", r);
    refcount_set(r, 0x7fff_ffff);
    refcount_add(1, r);
    show("over the top", r);
    refcount_set(r, 0x7fff_ffff);
    const more = refcount_inc_not_zero(r);
    show(more ? "inc_not_zero over the top" : "none", r);
  }
  for (let n: u32 = 0; n < 1000; n++) if (refcount_dec_and_test(r)) show("freed", r);
  show("saturated for good", r);
}
