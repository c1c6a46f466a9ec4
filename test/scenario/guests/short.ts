// The workload of test/short: ends a scenario whose other tasks go on for ever.

import { scenario_stop } from "kernel/init/scenario.ts";

export function stop(_arg: u32): void {
  scenario_stop();
}
