/** What the lock-order checker reports. */
import type { Form, Raw } from "../moment.ts";
import type { IrqName } from "./usage.ts";

/** A class as it stood when the report was made. */
export interface ClassView {
  readonly class: string;
  /** `-.+?`, four characters (usage.ts). */
  readonly usage: string;
  /** Outer and inner wait type, `2:2`. */
  readonly waits: string;
}

export interface LockView<F extends Form> extends ClassView {
  /** Held or wanted beside other readers. */
  readonly read: boolean;
  readonly address: F["address"];
  readonly stack: F["stack"];
}

/** Who brought a class into a state first: `IN-HARDIRQ-W` …, `INITIAL USE`. */
export interface ClassUsage<F extends Form> {
  readonly state: string;
  readonly stack: F["stack"];
}

/** A class, who took it in the place where it stands in a chain, and all that is known of its uses. */
export interface ChainLink<F extends Form> extends ClassView {
  readonly stack: F["stack"];
  /** What makes the class one: the address of its name, or of the lock itself. */
  readonly key: { readonly address: F["address"] };
  readonly usages: readonly ClassUsage<F>[];
}

/** A class, and who brought it into the state that matters. */
export interface UsageLink<F extends Form> extends ClassView {
  /** `IN-HARDIRQ-W` … */
  readonly state: string;
  readonly stack: F["stack"];
}

export interface IrqContext {
  readonly hardirq: number;
  readonly softirq: number;
  readonly hardirqsOn: boolean;
  readonly softirqsOn: boolean;
}

interface ReportBase<F extends Form> {
  /** How often it was seen; only the first is told. */
  count: number;
  readonly hart: number;
  readonly clock: number;
  readonly task: F["task"];
  readonly irq: IrqContext;
  /** Locks that the task held, in the order in which it took them. */
  readonly held: readonly LockView<F>[];
  readonly stack: F["stack"];
}

/** Taking `acquiring` under `holding` closes a circle: `chain` leads from acquiring (first) to holding (last). */
export interface CircularReport<F extends Form = Raw> extends ReportBase<F> {
  readonly kind: "circular";
  readonly acquiring: LockView<F>;
  readonly holding: LockView<F>;
  readonly chain: readonly ChainLink<F>[];
}

export interface RecursiveReport<F extends Form = Raw> extends ReportBase<F> {
  readonly kind: "recursive";
  readonly acquiring: LockView<F>;
  readonly holding: LockView<F>;
}

/** One class in two contexts that do not go together. */
export interface InconsistentReport<F extends Form = Raw> extends ReportBase<F> {
  readonly kind: "inconsistent";
  readonly acquiring: LockView<F>;
  readonly before: UsageLink<F>;
  readonly now: string;
}

/** holding -> acquiring would connect a class taken in interrupts (`safe`) with one held while they may come (`unsafe`). */
export interface IrqOrderReport<F extends Form = Raw> extends ReportBase<F> {
  readonly kind: "irq-order";
  readonly irqName: IrqName;
  readonly acquiring: LockView<F>;
  readonly holding: LockView<F>;
  readonly safe: UsageLink<F>;
  readonly unsafe: UsageLink<F>;
  /** From safe to holding, and from acquiring to unsafe; both ends are in them. */
  readonly safeChain: readonly ChainLink<F>[];
  readonly unsafeChain: readonly ChainLink<F>[];
}

/** The lock's new state makes an old chain dangerous. */
export interface IrqInversionReport<F extends Form = Raw> extends ReportBase<F> {
  readonly kind: "irq-inversion";
  readonly irqName: IrqName;
  readonly changed: LockView<F>;
  readonly other: UsageLink<F>;
  /** True: `changed` is now taken in interrupts and leads to `other`, which is not safe there; else the other way round. */
  readonly forwards: boolean;
  /** From the lock that is taken in interrupts to the one that is not safe; both are in it. */
  readonly chain: readonly ChainLink<F>[];
}

export interface WaitContextReport<F extends Form = Raw> extends ReportBase<F> {
  readonly kind: "wait-context";
  readonly acquiring: LockView<F>;
  /** Wait type of the context, without locks. */
  readonly context: number;
}

/** A lock released by a task that does not hold it. */
export interface UnbalancedReport<F extends Form = Raw> extends ReportBase<F> {
  readonly kind: "unbalanced";
  readonly releasing: LockView<F>;
}

export interface HeldAtExitReport<F extends Form = Raw> extends ReportBase<F> {
  readonly kind: "held-at-exit";
}

export type LockdepReport<F extends Form = Raw> =
  | CircularReport<F>
  | RecursiveReport<F>
  | InconsistentReport<F>
  | IrqOrderReport<F>
  | IrqInversionReport<F>
  | WaitContextReport<F>
  | UnbalancedReport<F>
  | HeldAtExitReport<F>;
