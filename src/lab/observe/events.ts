/**
 * Numbers of the image's marks, read from the enums in its `.hartlab` section (the lab never imports kernel/abi).
 *
 * The observers' loop switches on small codes of our own; `codeOf` maps an event number to its code, 0 for events that no
 * observer wants.
 */
import { EXCLUSIVE_MARK, type HartlabSection } from "../../base/hartlab-section.ts";

export const CODE = {
  lockInit: 1,
  lockContended: 2,
  lockAcquired: 3,
  lockRelease: 4,
  lockWant: 5,
  taskSwitch: 6,
  taskNew: 7,
  taskExit: 8,
  irqEnter: 9,
  irqExit: 10,
  scanBegin: 11,
  scanChunk: 12,
  scanEnd: 13,
  plant: 14,
  hotplug: 15,
  scenarioStart: 16,
  irqsOff: 17,
  firstKthread: 18,
  softirqEnter: 19,
  softirqExit: 20,
  bhDisable: 21,
  bhEnable: 22,
  wake: 23,
  wait: 24,
  wakeUp: 25,
  lockTryFail: 26,
  atomicSleep: 27,
  unbalanced: 28,
  rcuCall: 29,
  rcuInvoke: 30,
  gpStart: 31,
  gpEnd: 32,
  point: 33,
  // From here on: memory.
  alloc: 34,
  free: 35,
  pageAlloc: 36,
  pageFree: 37,
  slabCreate: 38,
  resize: 39,
  vmap: 40,
  vmapPage: 41,
  exclusiveWriter: 42,
  exclusiveAccess: 43,
  zeroed: 44,
  fault: 45,
  allocEnter: 46,
  allocLeave: 47,
  freeLeave: 48,
} as const;

const MARK_NAMES: Readonly<Record<string, number>> = {
  LOCK_INIT: CODE.lockInit,
  LOCK_CONTENDED: CODE.lockContended,
  LOCK_ACQUIRED: CODE.lockAcquired,
  LOCK_RELEASE: CODE.lockRelease,
  LOCK_ACQUIRE: CODE.lockWant,
  SWITCH: CODE.taskSwitch,
  TASK_NEW: CODE.taskNew,
  TASK_EXIT: CODE.taskExit,
  IRQ_ENTER: CODE.irqEnter,
  IRQ_EXIT: CODE.irqExit,
  SOFTIRQ_ENTER: CODE.softirqEnter,
  SOFTIRQ_EXIT: CODE.softirqExit,
  BH_DISABLE: CODE.bhDisable,
  BH_ENABLE: CODE.bhEnable,
  LOCK_TRYFAIL: CODE.lockTryFail,
  WAKE: CODE.wake,
  WAIT: CODE.wait,
  WAKE_UP: CODE.wakeUp,
  ATOMIC_SLEEP: CODE.atomicSleep,
  UNBALANCED: CODE.unbalanced,
  RCU_CALL: CODE.rcuCall,
  RCU_INVOKE: CODE.rcuInvoke,
  GP_START: CODE.gpStart,
  GP_END: CODE.gpEnd,
  POINT: CODE.point,
  ALLOC: CODE.alloc,
  FREE: CODE.free,
  ALLOC_ENTER: CODE.allocEnter,
  ALLOC_LEAVE: CODE.allocLeave,
  FREE_LEAVE: CODE.freeLeave,
  PAGE_ALLOC: CODE.pageAlloc,
  PAGE_FREE: CODE.pageFree,
  SLAB_CREATE: CODE.slabCreate,
  RESIZE: CODE.resize,
  VMAP: CODE.vmap,
  VMAP_PAGE: CODE.vmapPage,
  ZEROED: CODE.zeroed,
  FAULT: CODE.fault,
  SCAN_BEGIN: CODE.scanBegin,
  SCAN_CHUNK: CODE.scanChunk,
  SCAN_END: CODE.scanEnd,
  PLANT: CODE.plant,
  HOTPLUG: CODE.hotplug,
  SCENARIO_START: CODE.scenarioStart,
  FIRST_KTHREAD: CODE.firstKthread,
};

/** Written by the machine, not by the guest: not in the image's enums unless the guest imports them. */
const MACHINE_IRQS_OFF = 0x701;
const EVENTS_MAX = 2048;

export interface EventNumbers {
  /** Whether the kernel was built with marks. */
  readonly marks: boolean;
  /** Event number -> CODE. */
  readonly codeOf: Uint8Array;
  /** LOCK_KIND value -> name. */
  readonly lockKinds: readonly string[];
  /** Flag in a lock mark's subclass word: acquired by a try. */
  readonly lockTry: number;
  /** The same: a reader that a waiting writer lets pass. */
  readonly lockRecursive: number;
  /** ALLOC_AREA.vmalloc. */
  readonly vmallocArea: number;
  /** PLANT values. */
  readonly plantLeak: number;
  /** LAB_OP values by name; empty when the image has no lab driver. */
  readonly labOps: Readonly<Record<string, number>>;
  /** ATOMIC and BOUNDARY, by name. */
  readonly atomic: Readonly<Record<string, number>>;
  readonly boundary: Readonly<Record<string, number>>;
  readonly scenarioStart: number | null;
  /** Of kmemleak's scans; null in a kernel without marks. */
  readonly scans: { readonly begin: number; readonly chunk: number; readonly end: number } | null;
}

export function eventNumbers(section: HartlabSection): EventNumbers {
  const codeOf = new Uint8Array(EVENTS_MAX);
  const marks = section.enums.MARK ?? {};
  for (const [name, event] of Object.entries(marks)) codeOf[event] = MARK_NAMES[name] ?? 0;
  codeOf[section.enums.MACHINE_RECORD?.IRQS_OFF ?? MACHINE_IRQS_OFF] = CODE.irqsOff;
  codeOf[EXCLUSIVE_MARK.WRITER] = CODE.exclusiveWriter;
  codeOf[EXCLUSIVE_MARK.ACCESS] = CODE.exclusiveAccess;
  const lockKinds: string[] = [];
  for (const [name, value] of Object.entries(section.enums.LOCK_KIND ?? {}))
    lockKinds[value] = name;
  return {
    marks: section.config.marks !== false && marks.SCENARIO_START !== undefined,
    codeOf,
    lockKinds,
    lockTry: section.enums.LOCK_FLAG?.try ?? 0,
    lockRecursive: section.enums.LOCK_FLAG?.recursive ?? 0,
    vmallocArea: section.enums.ALLOC_AREA?.vmalloc ?? 1,
    plantLeak: section.enums.PLANT?.leak ?? -1,
    atomic: section.enums.ATOMIC ?? {},
    boundary: section.enums.BOUNDARY ?? {},
    labOps: section.enums.LAB_OP ?? {},
    scenarioStart: marks.SCENARIO_START ?? null,
    scans: marks.SCAN_BEGIN === undefined ? null : { begin: marks.SCAN_BEGIN, chunk: marks.SCAN_CHUNK, end: marks.SCAN_END },
  };
}
