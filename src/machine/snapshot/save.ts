/** A machine's state as the bytes of a file (format.ts). */
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { PAGE_BYTES, PAGE_SHIFT } from "../engine/changed-pages.ts";
import type { Engine } from "../engine/index.ts";
import { DEFAULT_MODEL } from "../timing/model.ts";
import type { MachineConfig } from "../types.ts";
import {
  FORMAT_VERSION, HASH_BYTES, MAGIC, PREFIX_BYTES, RAM_PAGE, SECTIONS, shapeOf, type Header, type SavedConfig, type Sections,
} from "./format.ts";
import type { MachineState } from "./state.ts";

export function savedConfig(config: MachineConfig): SavedConfig {
  const { harts, memoryBytes, timing, interleave, bootargs, lab, recordMarks } = config;
  const { observeAccesses = false, virtioConsole = false } = config;
  const { preset, changed } = config.costs ?? DEFAULT_MODEL;
  const disks = (config.disks ?? []).map(({ bytes, readOnly }) => ({ bytes: bytes.length, readOnly }));
  const costs = { preset, changed: changed as Record<string, number> };
  return { harts, memoryBytes, timing, interleave, bootargs, lab, recordMarks, observeAccesses, virtioConsole, costs, disks };
}

const isZero = (page: Uint8Array): boolean => page.every((byte) => byte === 0);

/** Numbers and contents of the pages that are worth saving. */
function pageSections({ image }: MachineState, engine: Engine): { numbers: Uint8Array; pages: Uint8Array } {
  const firstRam = engine.ramOffset >>> PAGE_SHIFT;
  const firstTracked = engine.tables.trackedStart >>> PAGE_SHIFT;
  const kept: { number: number; content: Uint8Array }[] = [];
  image.pages.forEach((page, content) => {
    if (isZero(content)) return;
    kept.push({ number: page >= firstRam ? RAM_PAGE + page - firstRam : page - firstTracked, content });
  });
  const pages = new Uint8Array(kept.length * PAGE_BYTES);
  kept.forEach(({ content }, at) => pages.set(content, at * PAGE_BYTES));
  return { numbers: new Uint8Array(Uint32Array.from(kept, ({ number }) => number).buffer), pages };
}

function sectionsOf(state: MachineState, engine: Engine): Sections {
  const [harts, devices, loop, copied] = state.image.copies;
  const { tables } = engine;
  return {
    harts: harts!,
    devices: devices!,
    loop: loop!,
    tables: copied!.subarray(tables.data - tables.contexts),
    marks: state.image.marks,
    accesses: state.image.accesses,
    console: state.console,
    ...pageSections(state, engine),
  };
}

export function encodeMachine(state: MachineState, config: MachineConfig, engine: Engine): Uint8Array {
  const header: Header = {
    shape: shapeOf(engine.tables),
    config: savedConfig(config),
    labResults: state.labResults,
    started: state.started,
    end: state.end,
  };
  const head = utf8ToBytes(JSON.stringify(header));
  const sections = sectionsOf(state, engine);
  const body = SECTIONS.reduce((sum, name) => sum + 4 + sections[name].length, 0);
  const file = new Uint8Array(PREFIX_BYTES + head.length + body + HASH_BYTES);
  const view = new DataView(file.buffer);
  file.set(utf8ToBytes(MAGIC));
  view.setUint32(MAGIC.length, FORMAT_VERSION, true);
  view.setUint32(MAGIC.length + 4, file.length, true);
  view.setUint32(MAGIC.length + 8, head.length, true);
  file.set(head, PREFIX_BYTES);
  let at = PREFIX_BYTES + head.length;
  for (const name of SECTIONS) {
    view.setUint32(at, sections[name].length, true);
    file.set(sections[name], at + 4);
    at += 4 + sections[name].length;
  }
  file.set(sha256(file.subarray(0, at)), at);
  return file;
}
