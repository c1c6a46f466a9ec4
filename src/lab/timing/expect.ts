/**
 * What the figures of the timing guest (figures.ts) must be, given the constants: one row a measured thing, computed from the constants that
 * it is made of, and laws that hold between figures. A figure that is off means that the engine does not charge what the table of
 * constants says.
 */
import type { CostName, Costs } from "../../machine/timing/constants.ts";
import type { Figure } from "./figures.ts";

export interface TimingCheck {
  /** Figure, with its parameter and harts where they matter. */
  readonly name: string;
  readonly measured: number;
  readonly expected: number;
  /** The constants that it shows, those beside them left out. */
  readonly shows: readonly CostName[];
  readonly pass: boolean;
}

export interface TimingLaw {
  readonly name: string;
  readonly detail: string;
  readonly pass: boolean;
}

interface Row {
  readonly figure: string;
  readonly harts?: number;
  readonly parameter?: number;
  readonly shows: readonly CostName[];
  readonly expected: (c: Costs) => number;
  /** Cycles more or less, beside the share that warming up may take: the instruction that an interrupt waits for. */
  readonly tolerance?: (c: Costs) => number;
}

const row = (figure: string, shows: readonly CostName[], expected: Row["expected"], more: Partial<Row> = {}): Row =>
  ({ figure, shows, expected, ...more });

/** The trap handler of the guest, but for what the trap itself costs. */
const machineHandler = (c: Costs): number => 3 * c.system + 2 * c.alu + c.branch;
const KIB = 1024;

const ROWS: readonly Row[] = [
  row("alu", ["alu"], (c) => c.alu),
  row("mul", ["mul"], (c) => c.mul),
  row("div", ["div"], (c) => c.div),
  row("branch", ["branch"], (c) => c.branch),
  row("branch-miss", ["branchMiss"], (c) => c.branch + c.branchMiss),
  row("jump", ["jump"], (c) => c.jump),
  row("call-return", ["jumpRegister"], (c) => c.jump + c.jumpRegister),
  row("load-hit", ["load"], (c) => c.load),
  row("store-hit", ["store"], (c) => c.store),
  row("amo-hit", ["atomic"], (c) => c.atomic),
  row("lr-sc-hit", ["atomic"], (c) => 2 * c.atomic),
  row("fence", ["fence"], (c) => c.fence),
  row("csr", ["csr"], (c) => c.csr),
  row("csr-machine", ["system"], (c) => c.system),
  row("pause", ["pause"], (c) => c.pause),
  row("fence-i", ["fenceI"], (c) => c.system + c.fenceI),
  row("sfence-vma", ["sfence"], (c) => c.system + c.sfence),
  row("misaligned-load", ["misaligned"], (c) => c.load + c.misaligned),
  row("misaligned-store", ["misaligned"], (c) => c.store + c.misaligned),
  row("load-bytes", ["load"], (c) => c.load, { parameter: 16 * KIB }),
  row("load-bytes", ["l2Hit"], (c) => c.load + c.l2Hit, { parameter: 256 * KIB }),
  row("load-bytes", ["memory"], (c) => c.load + c.memory, { parameter: 4096 * KIB }),
  row("store-bytes", ["l2Hit"], (c) => c.store + c.l2Hit, { parameter: 256 * KIB }),
  row("store-bytes", ["memory"], (c) => c.store + c.memory, { parameter: 4096 * KIB }),
  row("tlb-pages", ["load"], (c) => c.load, { parameter: 64 }),
  row("tlb-pages", ["walkHit"], (c) => c.load + 2 * c.walkHit, { parameter: 128 }),
  row("ecall-machine", ["trapEntry"], (c) => c.trapEntry + machineHandler(c) + c.system + c.trapReturn),
  row("ecall-supervisor-to-machine", ["trapEntry"], (c) => c.trapEntry + machineHandler(c) + c.system + c.trapReturn),
  row("ecall-user-to-supervisor", ["trapReturn"], (c) => c.trapEntry + 2 * c.csr + c.alu + c.system + c.trapReturn),
  row("clint-load", ["mmioClint"], (c) => c.load + c.mmioClint),
  row("clint-store", ["mmioClint"], (c) => c.load + c.mmioClint),
  row("plic-load", ["mmioPlic"], (c) => c.load + c.mmioPlic),
  row("plic-store", ["mmioPlic"], (c) => c.load + c.mmioPlic),
  row("uart-load", ["mmioOther"], (c) => c.load + c.mmioOther),
  row("uart-store", ["mmioOther"], (c) => c.load + c.mmioOther),
  row("line-read", ["load"], (c) => c.load),
  row("line-write", ["store"], (c) => c.store),
  row("line-upgrade", ["store"], (c) => c.store),
  row("line-read", ["transfer"], (c) => c.load + c.transfer, { harts: 2 }),
  row("line-write", ["transfer"], (c) => c.store + c.transfer, { harts: 2 }),
  row("line-upgrade", ["invalidate"], (c) => c.store + c.invalidate, { harts: 2 }),
  // From the read of the counter before the store to the one in the handler.
  row("ipi-waiting", ["interrupt"], (c) => c.csr + c.interrupt + c.trapEntry + c.system + c.store, { harts: 2 }),
  row("ipi-running", ["interrupt"], (c) => c.csr + c.interrupt + c.trapEntry + c.system + c.store, { harts: 2, tolerance: (c) => c.load + c.branch }),
];

/** The first round through memory and a TLB that is not yet full may be cheaper or dearer. */
const WARMING = 0.015;
const TOLERANCE = 0.25;

function find(figures: readonly Figure[], name: string, harts: number, parameter = 0): Figure | undefined {
  return figures.find((one) => one.name === name && one.harts === harts && one.parameter === parameter);
}

export function checkTiming(figures: readonly Figure[], costs: Costs): TimingCheck[] {
  return ROWS.map(({ figure, harts = 1, parameter = 0, shows, expected, tolerance = () => TOLERANCE }) => {
    const measured = find(figures, figure, harts, parameter)?.each ?? Number.NaN;
    const wanted = expected(costs);
    const name = `${figure}${parameter === 0 ? "" : ` ${parameter}`}${harts === 1 ? "" : `, ${harts} harts`}`;
    return { name, measured, expected: wanted, shows, pass: Math.abs(measured - wanted) <= tolerance(costs) + WARMING * wanted };
  });
}

const HARTS = [1, 2, 4, 8] as const;
const rounded = (value: number): string => value.toFixed(1);

/** Cycles an operation of all harts together, by number of harts. */
function series(figures: readonly Figure[], name: string): number[] {
  return HARTS.map((harts) => find(figures, name, harts, harts)?.each ?? Number.NaN);
}

export function checkLaws(figures: readonly Figure[], costs: Costs): TimingLaw[] {
  const lock = series(figures, "ticket-lock");
  const own = series(figures, "own-line").map((each, at) => each * HARTS[at]!);
  const amo = series(figures, "amo-shared").slice(1);
  const alone = find(figures, "ping-pong", 1)?.each ?? Number.NaN;
  const pair = find(figures, "ping-pong", 2)?.each ?? Number.NaN;
  const ratio = Math.max(...own) / Math.min(...own);
  return [
    {
      name: "ticket-lock throughput falls as harts are added",
      detail: `cycles a critical section on ${HARTS.join(", ")} harts: ${lock.map(rounded).join(", ")}`,
      pass: lock.every((each, at) => at === 0 || each > lock[at - 1]!),
    },
    {
      name: "data in a line of each hart's own scales linearly",
      detail: `cycles an addition and hart: ${own.map(rounded).join(", ")}`,
      pass: ratio < 1.15,
    },
    {
      name: "one contended word has one throughput, whoever asks",
      detail: `cycles an AMO on 2, 4, 8 harts: ${amo.map(rounded).join(", ")}`,
      pass: Math.max(...amo) / Math.min(...amo) < 1.15,
    },
    {
      name: "a line moves between two harts, and not on one",
      detail: `cycles a hand-off: ${rounded(alone)} on one hart, ${rounded(pair)} on two`,
      pass: alone < costs.transfer && pair >= costs.transfer + costs.invalidate && pair < 1.3 * (costs.transfer + costs.invalidate) + 20,
    },
  ];
}
