/**
 * What is really lost, in two bounds, and what kmemleak's reports are worth by them.
 *
 * Intent is exact: what the workload planted as lost, or as still in use. Reachability is what the host sees when a scan has ended: a block that no word
 * in use refers to is lost whatever anybody intended; one that a word refers to may be in use. A report of a block is right when it
 * was planted as lost, or nobody intended it and nothing refers to it; else it is false.
 * Looks are taken at each scan's begin and end while the machine stands still, and after each part of memory scanned at the words that referred to
 * blocks when it began; they change nothing in it. A word that left and came back between two looks counts as having stood there.
 */
import type { LeakReport } from "../observe/leak-report.ts";
import type { PlantedBlock } from "../observe/observation.ts";
import { disguised } from "./disguise.ts";
import { type Look, look, type Watched, wordsOf } from "./look.ts";
import { type FalseReason, hexOf, isVisible, type MissedReason, placeOf, whyFalse, whyMissed, type Why } from "./reasons.ts";

export interface TruthScan {
  readonly number: number;
  /** When the host looked: all harts had come to it just after the scan's end. */
  readonly cycle: number;
  /** Live blocks; those that kmemleak tracks; tracked ones that nothing in use refers to, old enough to be reported; blocks it suspects. */
  readonly blocks: number;
  readonly tracked: number;
  readonly unreachable: number;
  readonly suspects: number;
}

/** One block in one or more reports. */
export interface ScoredReport {
  readonly address: string;
  /** The first report that has it. */
  readonly scan: number;
  readonly verdict: "leak" | "false";
  /** The workload's name of it. */
  readonly planted: string | null;
  /** Of a leak: planted, or nobody can reach it. */
  readonly reason: FalseReason | "planted" | "nobody refers to it" | "not seen";
  readonly detail: string;
}

export interface MissedLeak {
  readonly address: string;
  readonly planted: string;
  readonly reason: MissedReason;
  readonly detail: string;
}

export interface TruthResult {
  readonly scans: readonly TruthScan[];
  readonly reports: readonly ScoredReport[];
  readonly missed: readonly MissedLeak[];
  /** Right reports of all; null: there was none. */
  readonly precision: number | null;
  /** Planted leaks in the last report of all; null: none was planted. */
  readonly recall: number | null;
  /** Of the planted leaks in a report: cycles from planting to the end of the first scan that it is of. */
  readonly firstReport: readonly number[];
}

/** What is kept of a scan. */
interface Digest {
  readonly scan: TruthScan;
  /** Suspects that are in use, and why they are suspects. */
  readonly falsely: ReadonlyMap<number, Why<FalseReason>>;
  /** All that lay unreachable. */
  readonly lost: ReadonlySet<number>;
  readonly missed: ReadonlyMap<PlantedBlock, Why<MissedReason>>;
  /** What was planted and is still there, by address. */
  readonly planted: ReadonlyMap<number, PlantedBlock>;
  /** Planted leaks that a word in use refers to all the same: where. */
  readonly referred: ReadonlyMap<number, string>;
}

export class Truth {
  readonly #watched: Watched;
  readonly #plants: readonly PlantedBlock[];
  readonly #minAge: number;
  readonly #digests = new Map<number, Digest>();
  #begin: Look | null = null;
  /** Address and value of words that have been the same since the scan began. */
  #standing = new Map<number, number>();

  /** `minAge`: kmemleak's, in cycles. */
  constructor(watched: Watched, plants: readonly PlantedBlock[], minAge: number) {
    this.#watched = watched;
    this.#plants = plants;
    this.#minAge = minAge;
  }

  scanBegan(): void {
    const begin = look(this.#watched);
    this.#begin = begin;
    this.#standing = new Map();
    for (const references of begin.references.values()) {
      for (const one of references) if (one.address !== null && isVisible(begin, one)) this.#standing.set(one.address, one.value);
    }
  }

  /** A part of memory has been scanned: which references have stood where they are since the scan began? */
  scanGoesOn(): void {
    if (this.#begin === null) return;
    const words = wordsOf(this.#watched.machine);
    for (const [address, value] of this.#standing) if (words.word(address) !== value) this.#standing.delete(address);
  }

  scanEnded(number: number): void {
    this.scanGoesOn();
    this.#digests.set(number, this.#digest(number, this.#begin, look(this.#watched)));
    this.#begin = null;
  }

  #digest(number: number, begin: Look | null, end: Look): Digest {
    const youngSince = (begin ?? end).cycle - this.#minAge;
    const lost = new Set<number>();
    const suspects: number[] = [];
    let tracked = 0;
    let unreachable = 0;
    end.blocks.forEach(({ address, stack }, at) => {
      const noted = end.noted.get(address);
      if (end.reached[at] === 0) lost.add(address);
      if (noted === undefined) return;
      tracked++;
      if (end.reached[at] === 0 && stack.clock <= youngSince && noted.minCount > 0) unreachable++;
      if (noted.count < noted.minCount) suspects.push(address);
    });
    const planted = this.#plants.filter((plant) => stillThere(plant, end));
    const leaks = new Set(planted.filter(({ kind }) => kind === "leak").map(({ address }) => address));
    const inUse = new Set(planted.filter(({ kind }) => kind === "nonleak").map(({ address }) => address));
    const falsely = new Map<number, Why<FalseReason>>();
    const wanted = end.blocks.filter(({ address }) => inUse.has(address) && lost.has(address));
    const hidden = disguised(end, wanted, this.#watched.image.linearOffset);
    for (const address of suspects) {
      if (leaks.has(address) || (lost.has(address) && !inUse.has(address))) continue;
      const disguise = hidden.get(address);
      falsely.set(
        address,
        disguise === undefined
          ? whyFalse(address, begin, end, this.#standing)
          : { reason: "disguised pointer", detail: `${disguise.what}, at ${hexOf(disguise.at)}` },
      );
    }
    const white = new Set(suspects);
    const isMissed = (address: number): boolean => leaks.has(address) && !white.has(address);
    const missed = new Map<PlantedBlock, Why<MissedReason>>();
    for (const plant of this.#plants) {
      if (plant.kind === "leak") missed.set(plant, whyMissed(plant, end, youngSince, isMissed));
    }
    const scan = { number, cycle: end.cycle, blocks: end.blocks.length, tracked, unreachable, suspects: suspects.length };
    const referred = new Map<number, string>();
    end.blocks.forEach(({ address }, at) => {
      const first = leaks.has(address) ? end.references.get(at)?.[0] : undefined;
      if (first !== undefined) referred.set(address, placeOf(end, first));
    });
    return { scan, falsely, lost, missed, referred, planted: new Map(planted.map((plant) => [plant.address, plant])) };
  }

  result(reports: readonly LeakReport[]): TruthResult {
    const leaks = this.#plants.filter(({ kind }) => kind === "leak");
    const scored = new Map<string, ScoredReport>();
    const firstReport: number[] = [];
    const found = new Set<PlantedBlock>();
    let inLast = new Set<PlantedBlock>();
    for (const report of reports) {
      const digest = this.#digests.get(report.scan) ?? null;
      inLast = new Set();
      for (const { address } of report.leaks) {
        const plant = digest?.planted.get(address) ?? null;
        const one = this.#score(address, report.scan, digest, plant);
        const key = `${address} ${one.verdict} ${plant?.cycle ?? 0}`;
        if (!scored.has(key)) scored.set(key, one);
        if (plant?.kind !== "leak" || digest === null) continue;
        inLast.add(plant);
        if (found.has(plant)) continue;
        found.add(plant);
        firstReport.push(digest.scan.cycle - plant.cycle);
      }
    }
    const all = [...scored.values()];
    const absent = leaks.filter((plant) => !inLast.has(plant));
    const last = reports.at(-1);
    return {
      scans: [...this.#digests.values()].map(({ scan }) => scan),
      reports: all,
      missed: absent.map((plant) => ({ address: hexOf(plant.address), planted: plant.name, ...this.#whyAbsent(plant, last) })),
      precision: all.length === 0 ? null : all.filter(({ verdict }) => verdict === "leak").length / all.length,
      recall: leaks.length === 0 ? null : (leaks.length - absent.length) / leaks.length,
      firstReport,
    };
  }

  #score(address: number, scan: number, digest: Digest | null, plant: PlantedBlock | null): ScoredReport {
    const of = { address: hexOf(address), scan, planted: plant?.name ?? null };
    if (digest === null) return { ...of, verdict: "false", reason: "not seen", detail: "the host did not see the scan" };
    if (plant?.kind === "leak") {
      const word = digest.referred.get(address);
      const detail = word === undefined ? "nobody refers to it" : `a word refers to it all the same, where no scan counted it: ${word}`;
      return { ...of, verdict: "leak", reason: "planted", detail };
    }
    const why = digest.falsely.get(address);
    if (why !== undefined) return { ...of, verdict: "false", ...why };
    if (digest.lost.has(address)) return { ...of, verdict: "leak", reason: "nobody refers to it", detail: "not planted, and out of reach when the scan ended" };
    return { ...of, verdict: "false", reason: "not seen", detail: "no suspect when the scan ended" };
  }

  #whyAbsent(plant: PlantedBlock, last: LeakReport | undefined): Why<MissedReason> {
    const why = last === undefined ? undefined : this.#digests.get(last.scan)?.missed.get(plant);
    if (why === undefined) return { reason: "no report", detail: "there was none that the host saw the scan of" };
    if (why.reason === "white, and not reported" && last?.complete === false) return { reason: "report cut", detail: "the console ends inside the report" };
    if (why.reason === "white, and not reported" && last?.cutAfter != null) return { reason: "report cut", detail: `the report ends after ${last.cutAfter} leaks` };
    return why;
  }
}

/** The block that was planted, not another one at its address. */
function stillThere({ address, cycle }: PlantedBlock, { blocks }: Look): boolean {
  const block = blocks.find((one) => one.address === address);
  return block !== undefined && block.stack.clock <= cycle;
}
