/**
 * A cost model: a preset and what a scenario changes in it. What holds for any model is checked here: whole numbers of cycles
 * within limits, and an interrupt that takes at least the lookahead (engine/index.ts says why).
 */
import { failure, success, type Problem, type Result } from "../../base/result.ts";
import { COST_NAMES, PRESETS, PRESET_DEFAULT, PRESET_NAMES, type CostName, type Costs, type PresetName } from "./constants.ts";

/** More makes no sense, and the engine counts the cycles of a turn in 32 bits. */
export const CYCLES_MAX = 10_000;

export interface TimingModel {
  readonly preset: PresetName;
  /** What differs from the preset. */
  readonly changed: Readonly<Partial<Costs>>;
  readonly costs: Costs;
}

export type CostOverrides = Readonly<Partial<Record<CostName, number>>>;

export const presetCosts = (preset: PresetName): Costs =>
  Object.fromEntries(COST_NAMES.map((name) => [name, PRESETS[preset][name].cycles])) as Record<CostName, number>;

/** The instruction classes and the waits that the interleaving counts in must take time. */
export const cyclesMin = (name: CostName): number =>
  ["branchMiss", "trapReturn", "fenceI", "sfence", "walkHit", "l2Hit", "misaligned"].includes(name) ? 0 : 1;

/** How far a hart's private work may run ahead of the others: nothing reaches into its caches any sooner. */
export const lookahead = (costs: Costs): number => Math.min(costs.transfer, costs.invalidate);

/** A model from a scenario's fields. Problems name the constant; the caller adds the place. */
export function timingModel(preset: PresetName, overrides: CostOverrides): Result<TimingModel> {
  const base = presetCosts(preset);
  const costs: Costs = { ...base, ...overrides };
  const problems: Problem[] = [];
  for (const name of COST_NAMES) {
    const cycles = costs[name];
    if (Number.isInteger(cycles) && cycles >= cyclesMin(name) && cycles <= CYCLES_MAX) continue;
    problems.push({ message: `timing.${name} must be a whole number of cycles from ${cyclesMin(name)} to ${CYCLES_MAX}, not ${cycles}` });
  }
  if (problems.length === 0 && costs.memory < costs.l2Hit) {
    problems.push({ message: `timing.memory (${costs.memory}) must be at least timing.l2Hit (${costs.l2Hit}): a miss asks the L2 first` });
  }
  if (problems.length === 0 && costs.interrupt < lookahead(costs)) {
    problems.push({
      message: `timing.interrupt (${costs.interrupt}) must be at least the smaller of transfer and invalidate (${lookahead(costs)})`,
      hint: "Harts are simulated so far ahead of each other; docs/timing.md explains it.",
    });
  }
  if (problems.length > 0) return failure(...problems);
  const changed = Object.fromEntries(COST_NAMES.filter((name) => costs[name] !== base[name]).map((name) => [name, costs[name]]));
  return success({ preset, changed, costs });
}

export const DEFAULT_MODEL: TimingModel = { preset: PRESET_DEFAULT, changed: {}, costs: presetCosts(PRESET_DEFAULT) };

/** `u54-like` or `u54-like with memory=200`. */
export function describeModel(model: Pick<TimingModel, "preset" | "changed">): string {
  const changes = Object.entries(model.changed).map(([name, cycles]) => `${name}=${cycles}`);
  return changes.length === 0 ? model.preset : `${model.preset} with ${changes.join(", ")}`;
}

export { PRESET_NAMES };
