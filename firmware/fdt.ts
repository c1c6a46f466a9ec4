// The one thing the firmware asks the device tree: which harts there are.
// Source: Devicetree Specification 0.4, chapter 5 (flattened format, big-endian words).

const FDT_MAGIC = 0xd00d_feed;
const FDT_BEGIN_NODE = 1;
const FDT_PROP = 3;
const FDT_NOP = 4;
const FDT_END_NODE = 2;

function be32(address: usize): u32 {
  const v = cast<Ptr<u32>>(address)[0];
  return (v << 24) | ((v & 0xff00) << 8) | ((v >> 8) & 0xff00) | (v >> 24);
}

function string_end(address: usize): usize {
  let p = address;
  while (cast<Ptr<u8>>(p)[0] !== 0) p++;
  return p;
}

/** The hart id of a node called `cpu@<hex>`, else -1. */
function cpu_node(name: usize): i32 {
  const p = cast<Ptr<u8>>(name);
  if (p[0] !== 99 || p[1] !== 112 || p[2] !== 117 || p[3] !== 64) return -1; // "cpu@"
  let id: u32 = 0;
  for (let i: u32 = 4; p[i] !== 0; i++) id = id * 16 + (p[i] >= 97 ? p[i] - 87 : p[i] - 48);
  return i32(id);
}

/** The hart ids of all cpu nodes. An unreadable tree has none. */
export function* fdt_harts(fdt: usize): Generator<u32> {
  if (be32(fdt) === FDT_MAGIC) {
    let p = fdt + be32(fdt + 8);
    for (;;) {
      const token = be32(p);
      p += 4;
      if (token === FDT_BEGIN_NODE) {
        const id = cpu_node(p);
        if (id >= 0) yield u32(id);
        p = (string_end(p) + 4) & ~3;
      } else if (token === FDT_PROP) {
        p = (p + 8 + be32(p) + 3) & ~3;
      } else if (token !== FDT_END_NODE && token !== FDT_NOP) {
        break;
      }
    }
  }
}
