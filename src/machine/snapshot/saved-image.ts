/** From the sections of a file to an image that `ImageStore.restore` takes, on a machine of the same configuration. */
import { failure, success, type Result } from "../../base/result.ts";
import { PAGE_BYTES, PAGE_SHIFT } from "../engine/changed-pages.ts";
import type { Engine } from "../engine/index.ts";
import { HART, HART_STRIDE } from "../memory/layout.ts";
import { checkSections } from "./check.ts";
import type { Memory } from "./code.ts";
import { RAM_PAGE, shapeOf, type Header, type Sections } from "./format.ts";
import type { Image } from "./image.ts";
import { PageMap } from "./page-map.ts";

/** Without the pointers into predecoded code that another process had (parking). */
function withoutPointers(harts: Uint8Array): Uint8Array {
  const words = new Int32Array(harts.slice().buffer);
  for (let block = 0; block < words.length; block += HART_STRIDE / 4) {
    for (const field of [HART.POLL_ENTRY, HART.POLL_COUNT, HART.PARK_STEP]) words[block + field / 4] = 0;
  }
  return new Uint8Array(words.buffer);
}

/** `memory` is at reset: what the file does not hold is as there. */
export function savedImage(header: Header, sections: Sections, memory: Memory, engine: Engine): Result<Image> {
  const { tables } = engine;
  if (header.shape !== shapeOf(tables)) {
    return failure({
      message: "the snapshot was written by a hartlab whose machine is laid out in another way",
      hint: "Use the hartlab that wrote it, or start the machine anew.",
    });
  }
  const checked = checkSections(sections, memory, engine, header.config);
  if (!checked.ok) return checked;
  const firstRam = memory.ramOffset >>> PAGE_SHIFT;
  const firstTracked = tables.trackedStart >>> PAGE_SHIFT;
  const { numbers, pages, tables: model } = sections;
  const kept = Array.from(new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length / 4), (number, at) => {
    const page = number >= RAM_PAGE ? firstRam + number - RAM_PAGE : firstTracked + number;
    return [page, pages.subarray(at * PAGE_BYTES, (at + 1) * PAGE_BYTES)] as const;
  });
  const copied = memory.bytes.slice(tables.contexts, tables.copiedEnd);
  copied.set(model, tables.data - tables.contexts);
  return success({
    pages: PageMap.empty(memory.bytes.length >>> PAGE_SHIFT).with(kept),
    copies: [withoutPointers(sections.harts), sections.devices, sections.loop, copied],
    marks: sections.marks,
    accesses: sections.accesses,
  });
}
