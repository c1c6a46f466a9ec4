/** Reports of lockdep without what every change of the kernel moves: addresses, offsets, pids, lines of kernel/. */
export function stable(text: string): string {
  return text
    .replace(/^([ #\d:]*)[0-9a-f]{8} \(/gm, "$1ADDRESS (")
    .replace(/\[<[0-9a-f]{8}>\]/g, "[<ADDRESS>]")
    .replace(/\+0x[0-9a-f]+\/0x[0-9a-f]+/g, "")
    .replace(/(\(kernel\/[\w./-]+):\d+\)/g, "$1)");
}
