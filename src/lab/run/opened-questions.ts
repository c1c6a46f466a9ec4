/** Which reports want to know what sections were open, of whom and when. */
import type { Observation } from "../observe/observation.ts";
import type { ProgressKind } from "../observe/progress/types.ts";
import { progressOf } from "./resolve.ts";
import type { Question } from "./opened.ts";

/** Of these everybody in the report is asked about, of the others nobody. */
const ASKED: ReadonlySet<ProgressKind> = new Set(["atomic-sleep", "unbalanced", "soft-lockup", "hard-lockup", "rcu-stall"]);

export function questionsOf(observation: Observation): Question[] {
  return progressOf(observation).flatMap((report) => {
    if (!ASKED.has(report.kind)) return [];
    return report.scenes.flatMap(({ task, stack }): Question[] => {
      const address = observation.currentTasks.addressOf(task);
      // What is open where a task left its hart is what was open when it was pushed aside or fell asleep.
      return address === null ? [] : [{ report, task, address, hart: stack.hart, clock: stack.clock }];
    });
  });
}
