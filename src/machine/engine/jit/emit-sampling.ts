/**
 * `interpret` with samples taken: every so many cycles of interpretation (SAMPLES.PERIOD) it goes on instruction by instruction to the next
 * jump that is taken, and notes from where to where. Where it comes upon a region first, it notes the place from which
 * it was interpreting: what lies between two regions should be one too. heat.ts reads the notes.
 */
import {
  I32, block, br, brIf, call, get, i32, label, loop, ret, sequence, set, tee, when,
} from "../../../isa/wasm/code.ts";
import type { Local, Node, Value } from "../../../isa/wasm/code.ts";
import { MACHINE_WORD } from "../../memory/layout.ts";
import type { Core } from "../core.ts";
import { EXIT, Time } from "../emit/emit-interpreter.ts";
import { OP } from "../opcodes.ts";
import { SAMPLES } from "../tables.ts";

/** Instructions are 8 or 16 bytes of entries long; anything else between two of them is a jump. */
const LONGEST = 16;

export function emitSampling(core: Core): void {
  const { samples } = core.tables;
  core.module.define(core.functions.sample, (scope) => {
    const [s, p, context] = scope.params as [Local, Local, Local];
    const time = new Time(core, scope.params[3]!);
    const due = scope.local(I32);
    const left = scope.local(I32);
    const start = scope.local(I32);
    const from = scope.local(I32);
    const to = scope.local(I32);
    const count = scope.local(I32);
    const again = label("again");
    const step = label("step");
    const hunted = label("hunted");
    /** Interprets with only `cycles` of what is left; `left` is what there was before. */
    const interpretFor = (cycles: Value): Node =>
      sequence(
        time.postpone(i32.sub(get(left), cycles)),
        set(time.local, call(core.functions.interpret, get(s), get(p), get(context), get(time.local))),
        time.postpone(i32.sub(cycles, get(left))),
      );
    const reason = i32.load(0, MACHINE_WORD.EXIT_REASON);
    const setDue = (value: Value): Node => i32.store(0, value, samples + SAMPLES.DUE);
    const note = (): Node[] => [
      set(count, i32.load(0, samples)),
      when(i32.ltU(get(count), SAMPLES.MAX), [
        i32.store(i32.shl(get(count), 3), get(from), samples + SAMPLES.FIRST),
        i32.store(i32.shl(get(count), 3), get(to), samples + SAMPLES.FIRST + 4),
        i32.store(0, i32.add(get(count), 1), samples),
      ]),
    ];
    // From one to one and a quarter periods, so that no loop is sampled at one place only.
    const period = i32.load(0, samples + SAMPLES.PERIOD);
    const spread = i32.shrU(i32.mul(i32.and(i32.add(i32.shrU(get(p), 3), i32.mul(get(count), 389)), 255), period), 10);
    const nextDue = i32.add(period, spread);
    return [
      set(start, get(p)),
      loop(
        again,
        set(due, i32.load(0, samples + SAMPLES.DUE)),
        set(left, time.left),
        when(i32.leS(get(left), get(due)), [
          set(time.local, call(core.functions.interpret, get(s), get(p), get(context), get(time.local))),
          setDue(i32.sub(get(due), i32.sub(get(left), time.left))),
          ret(get(time.local)),
        ]),
        when(i32.gtS(get(due), 0), [
          interpretFor(get(due)),
          when(i32.ne(reason, EXIT.TIME), [
            setDue(i32.sub(get(due), i32.sub(get(left), time.left))),
            ret(get(time.local)),
          ]),
          set(p, i32.load(0, MACHINE_WORD.EXIT_ENTRY)),
        ]),
        block(
          hunted,
          loop(
            step,
            // The last instruction may have taken all that was left; interpret says so.
            when(time.isOver, [ret(call(core.functions.interpret, get(s), get(p), get(context), get(time.local)))]),
            set(left, time.left),
            when(i32.eq(i32.load8U(get(p)), OP.REGION), [set(from, 0), set(to, get(start)), br(hunted)]),
            interpretFor(i32.const(1)),
            // What is slow, or far, is not hunted further now.
            when(i32.ne(reason, EXIT.TIME), [ret(get(time.local))]),
            set(from, get(p)),
            set(to, tee(p, i32.load(0, MACHINE_WORD.EXIT_ENTRY))),
            brIf(step, i32.leU(i32.sub(get(to), get(from)), LONGEST)),
          ),
        ),
        ...note(),
        set(start, get(p)),
        setDue(nextDue),
        br(again),
      ),
      get(time.local),
    ];
  });
}
