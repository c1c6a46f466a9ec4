/** Takes the looks at a run, at its scans and where the scenario wants them, that src/lab/truth is made of. */
import type { Machine } from "../../machine/types.ts";
import type { ImageFile } from "../image/elf.ts";
import type { EventNumbers } from "../observe/events.ts";
import type { Observation } from "../observe/observation.ts";
import type { Scenario } from "../scenario/schema.ts";
import { parseDuration } from "../scenario/units.ts";
import type { BlockLog } from "../truth/blocks.ts";
import type { Watched } from "../truth/look.ts";
import { Snapshots } from "../truth/snapshots.ts";
import { Truth } from "../truth/truth.ts";
import type { Looks } from "./drive.ts";
import { taskOf } from "./resolve.ts";

/** kmemleak.min_age when the scenario does not set it. */
const MIN_AGE_DEFAULT = "5s";

/** 4 KiB: as much as a scan reads without giving its locks away. */
const WORDS_BETWEEN = 1024;
const NOBODY = -1;

/** null: no scenario's event asks for one. */
export function snapshotsOf(scenario: Scenario, machine: Machine, image: ImageFile, observation: Observation): Snapshots | null {
  const { blocks, scanCosts } = observation;
  if (blocks === null || !takesSnapshots(scenario)) return null;
  return new Snapshots(watchedOf(machine, image, observation, blocks, () => (scanCosts.active ? scanCosts.hart : NOBODY)));
}

export const takesSnapshots = ({ events }: Scenario): boolean => events.some(({ snapshot }) => snapshot !== undefined);

/** null: nobody asked. */
export function truthOf(scenario: Scenario, machine: Machine, image: ImageFile, observation: Observation): Truth | null {
  const { blocks, scanCosts } = observation;
  if (blocks === null || !scenario.observe.truth) return null;
  const age = parseDuration(String(scenario.boot["kmemleak.min_age"] ?? MIN_AGE_DEFAULT));
  return new Truth(watchedOf(machine, image, observation, blocks, () => scanCosts.hart), observation.plants, age ?? 0);
}

function watchedOf(machine: Machine, image: ImageFile, observation: Observation, log: BlockLog, scanner: () => number): Watched {
  const { currentTasks } = observation;
  return {
    machine,
    image,
    log,
    scanner,
    percpu: observation.percpuStarts,
    current: (hart: number) => currentTasks.addressOf(currentTasks.task[hart]),
    taskName(address: number) {
      const { comm, pid } = taskOf(currentTasks.numberOf(address), observation);
      return `${comm}/${pid}`;
    },
  };
}

/** A scan ends before the next one begins: both happen under the scan mutex. Blocks are small: not each is a reason to look. */
export function looksOf(truth: Truth | null, { scans }: EventNumbers, { scanCosts }: Observation): Looks | null {
  if (truth === null || scans === null) return null;
  let looked = 0;
  return {
    events: [scans.begin, scans.chunk, scans.end],
    fired(event) {
      if (event !== scans.chunk) {
        looked = 0;
        return true;
      }
      if (scanCosts.words - looked < WORDS_BETWEEN) return false;
      looked = scanCosts.words;
      truth.scanGoesOn();
      return false;
    },
    reached(event) {
      if (event === scans.begin) truth.scanBegan();
      else truth.scanEnded(scanCosts.scans.at(-1)?.number ?? 0);
    },
  };
}
