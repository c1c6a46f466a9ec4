// What lies where in the vmalloc area: the listing, in the form of /proc/vmallocinfo, and the sentence for a fault report.

import { PAGE_SHIFT, PAGE_SIZE } from "../../arch/page.ts";
import { VMALLOC_START } from "../../arch/pgtable.ts";
import { printk, seq_printf } from "../../lib/printk.ts";
import { copy_area_before, copy_area_from, is_vmalloc_addr, VM_ALLOC, VM_IOREMAP, VM_LAZY_FREE, VM_MAP, vm_struct } from "./area.ts";

function kind_of(area: vm_struct): string {
  if ((area.flags & VM_ALLOC) !== 0) return "vmalloc";
  if ((area.flags & VM_MAP) !== 0) return "vmap";
  return (area.flags & VM_IOREMAP) !== 0 ? "ioremap" : "unknown";
}

/** One line for each area: range and size with the guard page, who made it, pages, kind. @may_sleep */
export function vmallocinfo_show(): void {
  const area = new vm_struct();
  for (let from: u32 = 0; copy_area_from(from, area); from = area.end) {
    const start = VMALLOC_START + (area.first << PAGE_SHIFT);
    const end = VMALLOC_START + (area.end << PAGE_SHIFT);
    seq_printf("0x%08x-0x%08x %7u %pS pages=%u", start, end, end - start, area.caller, area.nr_pages);
    if ((area.flags & VM_IOREMAP) !== 0) seq_printf(" phys=0x%08x", area.phys_addr);
    seq_printf((area.flags & VM_LAZY_FREE) !== 0 ? " %s lazily freed\n" : " %s\n", kind_of(area));
  }
}

/** For the report of a fault at `va`: what is there, when it is in the vmalloc area. Any context; silent when the lock is taken. */
export function vmalloc_explain_fault(va: usize): void {
  if (!is_vmalloc_addr(va)) return;
  const area = new vm_struct();
  if (!copy_area_before(va, area)) return;
  const behind = va - (VMALLOC_START + (area.first << PAGE_SHIFT));
  const bytes = area.nr_pages << PAGE_SHIFT;
  if (behind >= (area.end - area.first) << PAGE_SHIFT) {
    printk("The address is in no %s block: the one before it, %u bytes from %pS, ends %u bytes below\n", kind_of(area), bytes, area.caller,
      behind - bytes);
  } else if ((area.flags & VM_LAZY_FREE) !== 0) {
    printk("The address is in a %s block of %u bytes that has been freed; it came from %pS\n", kind_of(area), bytes, area.caller);
  } else if (behind >= bytes && behind < bytes + PAGE_SIZE) {
    printk("The address is in the guard page of a %s block, %u bytes past its end: %u bytes at 0x%08x from %pS\n", kind_of(area),
      behind - bytes, bytes, VMALLOC_START + (area.first << PAGE_SHIFT), area.caller);
  }
}
