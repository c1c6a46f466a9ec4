/** A run as one page that needs nothing else: what it found, what it was made of, what happened when, and what locks and memory cost. */
import type { Scenario } from "../../../lab/scenario/schema.ts";
import type { TimelineView } from "../../../lab/observe/timeline.ts";
import type { FoldedProfile } from "../../../lab/profile/folded.ts";
import { exitCode, type RunResult } from "../../../lab/run/result.ts";
import { explain } from "../../explain.ts";
import { findingTexts } from "../../finding-texts.ts";
import { verdictLine } from "../../verdict.ts";
import { page, type Section } from "../frame.ts";
import { digest } from "../timeline/digest.ts";
import { conditionsBody } from "./conditions.ts";
import { consoleBody } from "./console.ts";
import { findingsBody } from "./findings.ts";
import { lead } from "./lead.ts";
import { flameSection } from "./flame.ts";
import { leaksBody } from "./leaks.ts";
import { cut, HEADLINE_CHARACTERS_MAX, TEXT_CHARACTERS_MAX } from "./limits.ts";
import { locksBody } from "./locks.ts";
import { memoryBody } from "./memory.ts";
import { scansBody } from "./scans.ts";
import { Excerpts, type SourceOf } from "./source.ts";
import { tasksBody } from "./tasks.ts";
import { timelineBody, timelineData } from "./timeline.ts";

type Config = Readonly<Record<string, string | number | boolean>>;

export interface RunPage {
  readonly result: RunResult;
  readonly scenario: Scenario;
  /** The scenario's file. */
  readonly scenarioText: string;
  readonly timeline: TimelineView;
  /** null: no flame graph. */
  readonly profile: FoldedProfile | null;
  /** The sources that the image was built of. */
  readonly sourceOf: SourceOf;
  /** The command that runs this again. */
  readonly command: string;
  /** The image's configuration, and what each key is by default. */
  readonly config: Config;
  readonly defaults: Config;
}

export function runPage(run: RunPage): string {
  const { result } = run;
  const made = digest(run.timeline, result.cycles);
  const excerpts = new Excerpts(run.sourceOf);
  const findings = findingTexts(result);
  const { data, thinned } = timelineData(made, result, findings);
  const flame = run.profile === null ? null : flameSection(run.profile);
  const sections: (Section | null)[] = [
    { id: "findings", title: "Findings", count: findings.length, body: findingsBody(findings, excerpts) },
    { id: "what-ran", title: "What ran", body: conditionsBody(run) },
    { id: "timeline", title: "Timeline", body: timelineBody(made, thinned) },
    result.steps.length === 0 ? null : { id: "steps", title: "Steps", count: result.steps.length, body: excerpts.explained(cut(explain(result), TEXT_CHARACTERS_MAX), "step", 0) },
    { id: "locks", title: "Locks", count: result.locks.length, body: locksBody(result, made) },
    { id: "tasks", title: "Tasks", count: made.tasks.length, body: tasksBody(made) },
    flame === null ? null : { id: "profile", title: "Profile", body: flame.body },
    { id: "scans", title: "Scans", count: result.scans.length, body: scansBody(result) },
    { id: "leaks", title: "Leaks", count: result.leaks.reported.length, body: leaksBody(result, excerpts) },
    { id: "memory", title: "Memory", body: memoryBody(result, made) },
    { id: "console", title: "Console", body: consoleBody(result) },
  ];
  return page({
    title: `${result.scenario} · hartlab run`,
    verdict: ({ 0: "pass", 1: "fail", 3: "undecided" } as const)[exitCode(result)],
    headline: cut(verdictLine(result), HEADLINE_CHARACTERS_MAX),
    lead: lead(result, run.command),
    sections: sections.filter((one) => one !== null),
    data: { "timeline-data": data, ...(flame === null ? {} : { "flame-data": flame.data }) },
    foot: `hartlab ${result.hartlab}. Times are guest time: 1 cycle = 1 ns. The same scenario, seed and program make this page again, to the last byte.`,
  });
}

