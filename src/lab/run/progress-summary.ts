/** One line for the list of findings for what the observers of progress and contexts report. */
import type { ResultProgress } from "./resolve.ts";

type Scene = ResultProgress["scenes"][number];

const CYCLES_MS = 1_000_000;
const TIMER_CAUSE = 5;
const CAUSES: Readonly<Record<number, string>> = { 1: "IPI", [TIMER_CAUSE]: "timer", 9: "device" };

export function progressSummary(report: ResultProgress): string {
  const times = report.count > 1 ? ` (seen ${report.count} times)` : "";
  return `${sentence(report)}${times}`;
}

function sentence(report: ResultProgress): string {
  const { kind, facts, scenes, hart } = report;
  const who = nameOf(report);
  const [own, ...others] = scenes;
  const at = own === undefined ? "" : placeOf(own);
  switch (kind) {
    case "soft-lockup":
      return `hart ${hart} has run ${who} and nothing else for ${age(report)}, ${whyNotOthers(facts)}: ${at}${openedWords(others)}`;
    case "hard-lockup":
      return `hart ${hart} has taken no interrupt for ${age(report)}: ${who} in ${at}${openedWords(others)}`;
    case "wfi":
      return `hart ${hart} waits for an interrupt, and none has come for ${age(report)}, ${runnable(facts)}: ${who} in ${at}`;
    case "hung-task":
      return `${who} has slept for ${age(report)} ${waitWords(own)}: ${at}`;
    case "lost-wakeup":
      return `${who} has slept for ${age(report)} ${waitWords(own)}, and ${tooEarly(facts, others[0])}: ${at}`;
    // Everybody who waits.
    case "stuck":
      return `nothing is left that could wake ${facts.waiting === 1 ? "it" : `these ${facts.waiting} tasks`}: ${everybody(scenes)}`;
    case "livelock":
      return `${facts.tasks} tasks have kept each other from getting on for ${age(report)}: ${everybody(scenes)}`;
    case "rcu-stall":
      return `grace period ${facts.gracePeriod} has not ended for ${age(report)}: ${holdersAndSections(report)}`;
    case "atomic-sleep":
      return `${who} ${sleepWords(facts)} ${contextWords(facts)}: ${at}${openedWords(others)}`;
    case "unbalanced":
      return `${boundaryWords(who, facts)}${facts.at === "exit" || facts.at === "work" ? "" : `: ${at}`}${openedWords(others)}`;
    case "quiescence":
      return quiescenceWords(who, report);
  }
}

/** `a/7 sleeps for x (mutex), held by b/8, in f (file:12); b/8 ...` */
function everybody(scenes: readonly Scene[]): string {
  return scenes
    .map((one) => {
      const wait = one.waitsFor === null && one.role !== "sleeps" ? "" : ` ${waitWords(one)}`;
      return `${nameOf(one)} ${one.role}${wait}, in ${placeOf(one)}`;
    })
    .join("; ");
}

/** Who holds up a grace period comes first, where their sections began behind. */
function holdersAndSections({ scenes, facts }: ResultProgress): string {
  const holders = Number(facts.holders);
  return everybody(scenes.slice(0, holders)) + openedWords(scenes.slice(holders));
}

function tooEarly({ early }: ResultProgress["facts"], waker: Scene): string {
  return `the wake-up was ${early} cycles too early, by ${nameOf(waker)} in ${placeOf(waker)}`;
}

function runnable({ runnable: tasks }: ResultProgress["facts"]): string {
  return tasks === 1 ? "with 1 runnable task on its queue" : `with ${tasks} runnable tasks on its queue`;
}

export function nameOf({ task }: { readonly task: ResultProgress["task"] }): string {
  return `${task.comm}/${task.pid}`;
}

/** `202 ms`, below one `731 us`. */
export function age({ clock, since }: Pick<ResultProgress, "clock" | "since">): string {
  const cycles = clock - since;
  return cycles < CYCLES_MS ? `${Math.floor(cycles / 1000)} us` : `${Math.floor(cycles / CYCLES_MS)} ms`;
}

/** `for account_mutex (mutex), held by b/8` */
export function waitWords({ waitsFor }: Scene): string {
  if (waitsFor === null) return "for somebody to wake it";
  const { kind, name, address, holders } = waitsFor;
  const by = holders.map(nameOf).join(", ");
  if (kind === "task") return `for the end of ${by}`;
  if (kind === "timer") return "for a time";
  if (kind === "rcu") return `for a grace period${by === "" ? "" : `, held up by ${by}`}`;
  if (kind === "wait queue") return `in the wait queue ${name === "" ? address : name}`;
  return `for ${name} (${kind})${by === "" ? "" : `, held by ${by}`}`;
}

/** The innermost function that says more than the scheduler and the lock do, and its line. */
function quiescenceWords(who: string, { facts, scenes: [own], ...report }: ResultProgress): string {
  const { what, name, kind, blocks, bytes, of } = facts;
  const at = own === undefined ? "" : userOf(own);
  if (what === "lock") return `${name} (${kind}) is still held by ${who} when the run has ended: taken in ${at}`;
  if (what === "callback") return `the callback ${name} has not been called for ${age(report)} when the run has ended: queued in ${at}`;
  const many = `${blocks} ${blocks === 1 ? "block" : "blocks"} (${bytes} bytes)`;
  if (what === "metadata") return `kmemleak keeps ${many} about memory that was freed: made in ${at}`;
  return `${many} of ${of} more than at the start: allocated in ${at}`;
}

/** As placeOf, of an allocation, a lock or a callback: the code that uses the kernel's own. */
export function userOf(scene: Scene): string {
  return placeOf(scene, /^kernel\/(mm|lib|sched|locking|rcu)\//);
}

export function placeOf({ stack }: Scene, inner = /^kernel\/(sched|locking|lib|rcu|arch)\//): string {
  const outside = stack.frames.find(({ file }) => file !== null && !inner.test(file));
  const frame = outside ?? stack.frames[0];
  return frame === undefined ? stack.at.symbol : `${frame.function} (${frame.file}:${frame.line})`;
}

function whyNotOthers({ waiting, preemptCount }: ResultProgress["facts"]): string {
  const others = waiting === 0 ? "" : waiting === 1 ? "1 task waits for its turn" : `${waiting} tasks wait for their turn`;
  const count = Number(preemptCount) === 0 ? "" : `preempt_count 0x${Number(preemptCount).toString(16)}`;
  return [others, count].filter((part) => part !== "").join(", ");
}

function sleepWords({ what }: ResultProgress["facts"]): string {
  if (what === "schedule") return "gives its CPU away";
  return what === "rcu" ? "sleeps" : "calls what may sleep";
}

/** `with preempt_count 0x1, interrupts off` or `inside an RCU read section` */
function contextWords({ count, rcu, irqsOff }: ResultProgress["facts"]): string {
  const parts = [
    Number(count) === 0 ? "" : `preempt_count 0x${Number(count).toString(16)}`,
    Number(rcu) === 0 ? "" : `inside ${rcu === 1 ? "an RCU read section" : `${rcu} RCU read sections`}`,
    Number(irqsOff) === 0 ? "" : "interrupts off",
  ];
  const words = parts.filter((part) => part !== "").join(", ");
  return words.startsWith("inside") ? words : `with ${words || "nothing switched off"}`;
}

function boundaryWords(who: string, facts: ResultProgress["facts"]): string {
  const { at, cause, countBefore, rcuBefore } = facts;
  if (at === "exit") return `${who} ends ${contextWords(facts)}`;
  if (at === "work") return `a work in ${who} ends ${contextWords(facts)}`;
  if (at === "idle") return `${who} idles ${contextWords(facts)}`;
  const what = at === "interrupt" ? `the handler of the ${CAUSES[Number(cause)] ?? cause} interrupt` : "a softirq";
  const before = contextWords({ count: countBefore, rcu: rcuBefore, irqsOff: 0 });
  return `${what} came ${before} and leaves ${contextWords(facts)}`;
}

/** Where the sections that are still open began. */
function openedWords(opened: readonly Scene[]): string {
  return opened.map((one) => `; ${one.role} in ${placeOf(one)}`).join("");
}
