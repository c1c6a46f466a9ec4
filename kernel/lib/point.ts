// Named points in code, for the steps of a scenario (docs/scenario.md): `until: point:NAME` stops a task here.
//
// A point is a trace mark: nothing at all in a kernel built with marks=false.

import { MARK } from "../abi/marks.ts";

export function point(name: string): void {
  traceMark(MARK.POINT, name, 0, 0);
}
