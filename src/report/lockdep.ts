/**
 * Reports of the lock-order checker in Linux's layout (kernel/locking/lockdep.c, Linux 6.1), with source lines.
 */
import type { Resolved, ResultLockdep } from "../lab/run/resolve.ts";
import { lockdepTitle } from "../lab/run/lockdep-summary.ts";
import { stackLines } from "./stack.ts";
import type { ChainLink, ClassView, LockView, UsageLink } from "../lab/observe/lockdep/types.ts";

type Stack = Resolved["stack"];
type Report<K extends ResultLockdep["kind"]> = Extract<ResultLockdep, { kind: K }>;

const COLUMN = " ".repeat(31);
const HEAD = ["       CPU0                    CPU1", "       ----                    ----"];
const HEAD_ONE = ["       CPU0", "       ----"];
const MORE = ["", "other info that might help us debug this:"];

/** The whole report; `release` stands where Linux prints its version. */
export function lockdepText(report: ResultLockdep, release: string): string {
  const title = lockdepTitle(report);
  const rule = (character: string): string => character.repeat(title.length);
  const who = nameOf(report);
  return [
    rule("="),
    title,
    `${release} Not tainted`,
    rule("-"),
    ...body(report, who),
    "",
    "stack backtrace:",
    `CPU: ${report.hart} PID: ${report.task.pid} Comm: ${who.slice(0, who.lastIndexOf("/"))} Not tainted ${release}`,
    ...stackLines(report.stack, " "),
  ].join("\n");
}

/** `comm/pid`; the idle tasks are named by their CPU. */
function nameOf({ task: { comm, pid }, hart }: ResultLockdep): string {
  return pid === 0 ? `${comm}/${hart}/${pid}` : `${comm}/${pid}`;
}

function body(report: ResultLockdep, who: string): string[] {
  switch (report.kind) {
    case "circular":
      return circular(report, who);
    case "recursive":
      return recursive(report, who);
    case "inconsistent":
      return inconsistent(report, who);
    case "irq-order":
      return irqOrder(report, who);
    case "irq-inversion":
      return irqInversion(report, who);
    case "wait-context":
      return [
        `${who} is trying to lock:`,
        lockLine(report.acquiring),
        ...MORE.slice(1),
        `context-{${report.context}:${report.context}}`,
        ...heldLines(report, who),
      ];
    case "unbalanced":
      return [
        `${who} is trying to release lock (${report.releasing.class}) at:`,
        `[<${report.releasing.stack.at.address.slice(2)}>] ${report.releasing.stack.at.symbol}`,
        "but there are no more locks to release!",
        ...MORE,
        ...heldLines(report, who),
      ];
    case "held-at-exit":
      return heldLines(report, who);
  }
}

function circular(report: Report<"circular">, who: string): string[] {
  const { acquiring, holding, chain } = report;
  const entries = [...chain]
    .reverse()
    .flatMap((link, i) => entry(chain.length - i, link, link.stack));
  const parent = chain.length > 1 ? chain[chain.length - 2] : null;
  return [
    `${who} is trying to acquire lock:`,
    lockLine(acquiring),
    "",
    "but task is already holding lock:",
    lockLine(holding),
    "",
    "which lock already depends on the new lock.",
    "",
    "",
    "the existing dependency chain (in reverse order) is:",
    ...entries,
    ...entry(0, acquiring, report.stack),
    ...MORE,
    "",
    ...chainExists(parent === null ? [] : [acquiring, parent, holding]),
    " Possible unsafe locking scenario:",
    "",
    ...HEAD,
    `  ${form(holding)}(${holding.class});`,
    `${COLUMN}lock(${(parent ?? acquiring).class});`,
    `${COLUMN}lock(${holding.class});`,
    `  ${form(acquiring)}(${acquiring.class});`,
    ...deadlock(report, who),
  ];
}

function recursive(report: Report<"recursive">, who: string): string[] {
  return [
    `${who} is trying to acquire lock:`,
    lockLine(report.acquiring),
    "",
    "but task is already holding lock:",
    lockLine(report.holding),
    ...MORE,
    " Possible unsafe locking scenario:",
    "",
    ...HEAD_ONE,
    `  lock(${report.holding.class});`,
    `  lock(${report.acquiring.class});`,
    "",
    " *** DEADLOCK ***",
    "",
    " May be due to missing lock nesting notation",
    "",
    ...heldLines(report, who),
  ];
}

function inconsistent(report: Report<"inconsistent">, who: string): string[] {
  const name = report.acquiring.class;
  return [
    `inconsistent {${report.before.state}} -> {${report.now}} usage.`,
    `${who} ${contextText(report)} takes:`,
    lockLine(report.acquiring),
    `{${report.before.state}} state was registered at:`,
    ...stackLines(report.before.stack, "  "),
    ...MORE,
    " Possible unsafe locking scenario:",
    "",
    ...HEAD_ONE,
    `  lock(${name});`,
    "  <Interrupt>",
    `    lock(${name});`,
    ...deadlock(report, who),
  ];
}

function irqOrder(report: Report<"irq-order">, who: string): string[] {
  const { acquiring, holding, safe, unsafe, irqName } = report;
  return [
    `${who} ${contextText(report)} is trying to acquire:`,
    lockLine(acquiring),
    "",
    "and this task is already holding:",
    lockLine(holding),
    "which would create a new lock dependency:",
    ` ${className(holding)} -> ${className(acquiring)}`,
    "",
    `but this new dependency connects a ${irqName}-irq-safe lock:`,
    ` ${className(safe)}`,
    "",
    `... which became ${irqName}-irq-safe at:`,
    ...stackLines(safe.stack, "  "),
    "",
    `to a ${irqName}-irq-unsafe lock:`,
    ` ${className(unsafe)}`,
    "",
    `... which became ${irqName}-irq-unsafe at:`,
    "...",
    ...stackLines(unsafe.stack, "  "),
    ...MORE,
    "",
    ...interruptScenario(safe, holding.class === safe.class ? acquiring : holding, unsafe),
    ...deadlock(report, who),
    "",
    `the dependencies between ${irqName}-irq-safe lock and the holding lock:`,
    ...dependencies(report.safeChain),
    "",
    "the dependencies between the lock to be acquired",
    ` and ${irqName}-irq-unsafe lock:`,
    ...dependencies(report.unsafeChain),
  ];
}

function irqInversion(report: Report<"irq-inversion">, who: string): string[] {
  const { changed, other, forwards, irqName, chain } = report;
  const [safe, unsafe] = forwards ? [changed, other] : [other, changed];
  // The neighbour of the one that changed; none between the two: the unsafe one takes its place.
  const middle = chain.length <= 2 ? safe : forwards ? chain[1] : chain[chain.length - 2];
  return [
    `${who} just changed the state of lock:`,
    lockLine(changed),
    forwards
      ? `but this lock took another, ${irqName}-unsafe lock in the past:`
      : `but this lock was taken by another, ${irqName}-safe lock in the past:`,
    ` ${className(other)}`,
    "",
    "",
    "and interrupts could create inverse lock ordering between them.",
    "",
    ...MORE,
    ...interruptScenario(safe, middle.class === safe.class ? unsafe : middle, unsafe),
    ...deadlock(report, who),
    "",
    "the shortest dependencies between 2nd lock and 1st lock:",
    ...dependencies(chain),
  ];
}

function interruptScenario(safe: ClassView, middle: ClassView, unsafe: ClassView): string[] {
  return [
    ...chainExists(middle.class === unsafe.class ? [] : [safe, middle, unsafe]),
    " Possible interrupt unsafe locking scenario:",
    "",
    ...HEAD,
    `  lock(${unsafe.class});`,
    `${COLUMN}local_irq_disable();`,
    `${COLUMN}lock(${safe.class});`,
    `${COLUMN}lock(${middle.class});`,
    "  <Interrupt>",
    `    lock(${safe.class});`,
  ];
}

function chainExists(classes: readonly ClassView[]): string[] {
  if (classes.length === 0) return [];
  return ["Chain exists of:", `  ${classes.map((one) => one.class).join(" --> ")}`, ""];
}

function deadlock(report: ResultLockdep, who: string): string[] {
  return ["", " *** DEADLOCK ***", "", ...heldLines(report, who)];
}

/** A chain, the last lock first: each with all that is known of its uses, and with who took it in this place. */
function dependencies(chain: readonly ChainLink<Resolved>[]): string[] {
  return [...chain].reverse().flatMap((link, at) => {
    const depth = chain.length - 1 - at;
    const pad = " ".repeat(depth);
    const uses = link.usages.flatMap(({ state, stack }) => {
      const line = `${pad}   ${state} at:`;
      return [line, ...stackLines(stack, " ".repeat(depth + line.length + 2))];
    });
    return [
      `${pad}-> ${className(link)} {`,
      ...uses,
      `${pad} }`,
      `${pad} ... key      at: [<${link.key.address.slice(2)}>] ${link.class}`,
      `${pad} ... acquired at:`,
      ...stackLines(link.stack, "   "),
      "",
    ];
  }).slice(0, -1);
}

function entry(depth: number, link: ClassView, stack: Stack): string[] {
  return ["", `-> #${depth} ${className(link)}:`, ...stackLines(stack, "       ")];
}

function heldLines({ held }: ResultLockdep, who: string): string[] {
  if (held.length === 0) return [`no locks held by ${who}.`];
  const count = held.length === 1 ? "1 lock" : `${held.length} locks`;
  return [`${count} held by ${who}:`, ...held.map((one, i) => ` #${i}: ${lockLine(one)}`)];
}

function lockLine(lock: LockView<Resolved>): string {
  return `${lock.address.slice(2)} ${className(lock)}, at: ${lock.stack.at.symbol}`;
}

/** How Linux names taking a lock in its two columns. */
function form({ read }: LockView<Resolved>): string {
  return read ? "rlock" : "lock";
}

function className({ class: name, usage, waits }: ClassView | UsageLink<Resolved>): string {
  return `(${name}){${usage}}-{${waits}}`;
}

/** `[HC1[1]:SC0[0]:HE0:SE1]`: in hardirq, in softirq, hardirqs on, softirqs on. */
function contextText({ irq }: ResultLockdep): string {
  const { hardirq, softirq, hardirqsOn, softirqsOn } = irq;
  return `[HC${Math.min(hardirq, 1)}[${hardirq}]:SC${Math.min(softirq, 1)}[${softirq}]:HE${Number(hardirqsOn)}:SE${Number(softirqsOn)}]`;
}
