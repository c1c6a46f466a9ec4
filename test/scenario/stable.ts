/** Reports of lockdep without what every change of the kernel moves: addresses, offsets, pids, lines of kernel/. */
export function stable(text: string): string {
  return text
    .replace(/^([ #\d:]*)[0-9a-f]{8} \(/gm, "$1ADDRESS (")
    .replace(/\[<[0-9a-f]{8}>\]/g, "[<ADDRESS>]")
    .replace(/\+0x[0-9a-f]+\/0x[0-9a-f]+/g, "")
    .replace(/(\(kernel\/[\w./-]+):\d+\)/g, "$1)");
}

/** Tables of steps without cycles, addresses, pids and lines of kernel/. */
export function stableTable(text: string): string {
  return text
    .replace(/\d{1,3}(,\d{3})+/g, "CYCLE")
    .replace(/0xc0[\da-f]{6}/g, "ADDRESS")
    .replace(/(\w)\/\d+/g, "$1/PID")
    .replace(/(\(kernel\/[\w./-]+):\d+\)/g, "$1)")
    .replace(/ {2,}/g, "  ");
}
