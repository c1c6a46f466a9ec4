/** What a report of the lock-order checker is called, and the line of the findings that it makes. */
import type { ResultLockdep } from "./resolve.ts";

/** The first line of the report, as Linux words it. */
export function lockdepTitle(report: ResultLockdep): string {
  switch (report.kind) {
    case "circular":
      return "WARNING: possible circular locking dependency detected";
    case "recursive":
      return "WARNING: possible recursive locking detected";
    case "inconsistent":
      return "WARNING: inconsistent lock state";
    case "irq-order":
      return `WARNING: ${report.irqName}-safe -> ${report.irqName}-unsafe lock order detected`;
    case "irq-inversion":
      return "WARNING: possible irq lock inversion dependency detected";
    case "wait-context":
      return "[ BUG: Invalid wait context ]";
    case "unbalanced":
      return "WARNING: bad unlock balance detected!";
    case "held-at-exit":
      return `WARNING: ${report.task.comm}/${report.task.pid} still has locks held!`;
  }
}

/** One line for the list of findings. */
export function lockdepSummary(report: ResultLockdep): string {
  const title = lockdepTitle(report).replace(/^WARNING: |^\[ BUG: | \]$/g, "");
  return `${title}: ${involved(report)}${report.count > 1 ? ` (seen ${report.count} times)` : ""}`;
}

function involved(report: ResultLockdep): string {
  switch (report.kind) {
    case "circular": {
      const names = [report.acquiring, ...report.chain].map((one) => one.class);
      return `${names.join(" --> ")} --> ${report.acquiring.class}`;
    }
    case "recursive":
    case "irq-order":
      return `${report.holding.class} --> ${report.acquiring.class}`;
    case "inconsistent":
      return `${report.acquiring.class} {${report.before.state}} -> {${report.now}}`;
    case "irq-inversion":
      return `${report.changed.class} and ${report.other.class}`;
    case "wait-context":
      return `${report.acquiring.class} {${report.acquiring.waits}}`;
    case "unbalanced":
      return report.releasing.class;
    case "held-at-exit":
      return report.held.map((one) => one.class).join(", ");
  }
}
