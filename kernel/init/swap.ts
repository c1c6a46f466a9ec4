// Boot parameter swap=: which device is used for swap from the start.
//
//   swap=ram:PAGES[,LATENCY_NS]    a disk in memory (drivers/ramdisk.ts)
//   swap=virtio                    the first virtio disk, all of it
// Without it there is no swap until somebody calls sys_swapon.

import { PAGE_SHIFT } from "../arch/page.ts";
import { type block_device, SECTOR_SHIFT } from "../block/bio.ts";
import { ramdisk_bdev } from "../drivers/ramdisk.ts";
import { virtio_blk_bdev, virtio_blk_init } from "../drivers/virtio_blk.ts";
import { get_option } from "../lib/cmdline.ts";
import { pr_err } from "../lib/printk.ts";
import { strcmp, strlen, strncmp } from "../lib/string.ts";
import { sys_swapon } from "../mm/swap/swapon.ts";

function use(bdev: block_device): i32 {
  return sys_swapon(bdev, bdev.capacity >>> (PAGE_SHIFT - SECTOR_SHIFT), 0);
}

/** From the init thread. @may_sleep */
export function swap_init(): void {
  const option = get_option("swap", "");
  if (strlen(option) === 0) return;
  let error: i32 = 0;
  if (strncmp(option, "ram:", 4) === 0) {
    error = use(ramdisk_bdev());
  } else if (strcmp(option, "virtio") === 0) {
    error = virtio_blk_init();
    if (error === 0) error = use(virtio_blk_bdev());
  } else {
    pr_err("swap: swap=%s is neither ram:PAGES[,LATENCY_NS] nor virtio\n", option);
    return;
  }
  if (error < 0) pr_err("swap: swap=%s: error %d\n", option, error);
}
