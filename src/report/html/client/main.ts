/** What a page does beyond being read. Each part looks for its elements and leaves a page without them alone. */
import type { FlameData } from "../flame/data.ts";
import type { TimelineData } from "../timeline/data.ts";
import { openTargets } from "./anchors.ts";
import { FlameView } from "./flame.ts";
import { sortableTables } from "./tables.ts";
import { TimelineView } from "./timeline/timeline.ts";

/** Around a moment that a link leads to. */
const MOMENT_SHARE = 0.01;

function data<T>(id: string): T | null {
  const text = document.getElementById(id)?.textContent;
  return text ? (JSON.parse(text) as T) : null;
}

function timeline(): void {
  const root = document.getElementById("timeline-view");
  const given = data<TimelineData>("timeline-data");
  if (root === null || given === null) return;
  const view = new TimelineView(root, given);
  document.addEventListener("click", ({ target }) => {
    if (!(target instanceof Element)) return;
    const cell = target.closest<SVGElement>("rect[data-from]");
    const moment = target.closest<HTMLElement>("a[data-clock]");
    if (cell !== null) {
      view.show(Number(cell.dataset["from"]), Number(cell.dataset["to"]));
      root.scrollIntoView({ block: "nearest" });
    } else if (moment !== null) {
      const clock = Number(moment.dataset["clock"]);
      const around = Math.max(1000, (given.to - given.from) * MOMENT_SHARE);
      view.show(clock - around, clock + around);
    }
  });
}

function flame(): void {
  const root = document.getElementById("flame-view");
  const given = data<FlameData>("flame-data");
  if (root !== null && given !== null) new FlameView(root, given);
}

sortableTables();
openTargets();
timeline();
flame();
