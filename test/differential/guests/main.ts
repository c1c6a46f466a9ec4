// The guest that is built: dialect-guest.ts replaces this file by one that names another; this one serves editors and tsc.

export { guest_main } from "./virtio-blk.ts";
