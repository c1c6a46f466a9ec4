// The workload of hotplug/storm: the end of it.

import { scenario_stop } from "kernel/init/scenario.ts";

export function stop(_arg: u32): void {
  scenario_stop();
}
