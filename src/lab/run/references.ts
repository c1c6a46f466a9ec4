/** Makes a run once more to see where the last references to its suspected leaks stood (src/lab/truth/references.ts). */
import type { ImageFile } from "../image/elf.ts";
import type { Symbols } from "../image/symbols.ts";
import type { EventNumbers } from "../observe/events.ts";
import type { LeakReport } from "../observe/leak-report.ts";
import { Observation } from "../observe/observation.ts";
import type { Choreography } from "../steps/choreography.ts";
import type { Machine } from "../../machine/types.ts";
import { type ReferenceReport, References, type Suspect } from "../truth/references.ts";
import { again, drainRecords, runAgain } from "./again.ts";
import type { RunRequest } from "./run.ts";

/** Of all in the last report. */
export function lookForReferences(
  request: RunRequest,
  elf: Uint8Array,
  image: ImageFile,
  numbers: EventNumbers,
  symbols: Symbols,
  first: Observation,
  reports: readonly LeakReport[],
  stepsOn: (machine: Machine) => Choreography | null,
): ReferenceReport[] {
  const suspects = suspectsOf(reports);
  const last = Math.max(...suspects.map(({ scan }) => scan));
  const until = first.scanCosts.scans.find(({ number }) => number === last);
  if (suspects.length === 0 || until === undefined) return [];
  const machine = again(request, elf, numbers, true);
  const readMemory = (address: number, length: number): Uint8Array | null => machine.readVirtual(address, length);
  const word = (address: number): number | null => {
    const bytes = readMemory(address, 4);
    return bytes === null ? null : new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  };
  const references = new References(suspects, image, symbols, word);
  const wanted = { heap: false, races: false, locks: false, blocks: references };
  const second = new Observation(image, symbols, numbers, readMemory, wanted, request.scenario.machine.harts);
  references.watch(second);
  const drain = (): void => {
    drainRecords(machine, second, references.consume);
  };
  let due: number | null = until.startCycle + 1;
  const pauses = {
    get dueCycle() {
      return due;
    },
    reached() {
      due = null;
    },
  };
  runAgain(request, machine, numbers, first, stepsOn(machine), pauses, drain);
  drain();
  return references.reports();
}

function suspectsOf(reports: readonly LeakReport[]): Suspect[] {
  return (reports.at(-1)?.leaks ?? []).map(({ address, size }) => {
    const had = reports.find(({ leaks }) => leaks.some((one) => one.address === address && one.size === size));
    return { address, scan: had?.scan ?? 0 };
  });
}
