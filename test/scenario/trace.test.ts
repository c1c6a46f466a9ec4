/** The timeline, read back with a Perfetto decoder: its messages as perfetto_trace.proto declares them. */
import { readFileSync, rmSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import protobuf from "protobufjs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "./run.ts";

/** The part of protos/perfetto/trace/perfetto_trace.proto that a timeline uses; unknown fields would fail the checks below. */
const PROTO = `
syntax = "proto2";
message Trace { repeated TracePacket packet = 1; }
message TracePacket {
  optional uint64 timestamp = 8;
  optional uint32 trusted_packet_sequence_id = 10;
  optional TrackEvent track_event = 11;
  optional TrackDescriptor track_descriptor = 60;
}
message TrackDescriptor {
  optional uint64 uuid = 1;
  optional string name = 2;
  optional ProcessDescriptor process = 3;
  optional ThreadDescriptor thread = 4;
  optional uint64 parent_uuid = 5;
  optional CounterDescriptor counter = 8;
}
message ProcessDescriptor { optional int32 pid = 1; optional string process_name = 6; }
message ThreadDescriptor { optional int32 pid = 1; optional int32 tid = 2; optional string thread_name = 5; }
message CounterDescriptor { optional string unit_name = 6; }
message TrackEvent {
  enum Type { TYPE_UNSPECIFIED = 0; TYPE_SLICE_BEGIN = 1; TYPE_SLICE_END = 2; TYPE_INSTANT = 3; TYPE_COUNTER = 4; }
  repeated DebugAnnotation debug_annotations = 4;
  optional Type type = 9;
  optional uint64 track_uuid = 11;
  optional string name = 23;
  optional int64 counter_value = 30;
  repeated fixed64 flow_ids = 47;
  repeated fixed64 terminating_flow_ids = 48;
}
message DebugAnnotation { optional string string_value = 6; optional string name = 10; }
`;

interface TrackEvent {
  readonly type: string;
  readonly trackUuid: string;
  readonly name?: string;
  readonly counterValue?: string;
  readonly flowIds?: readonly string[];
  readonly terminatingFlowIds?: readonly string[];
}
interface Packet {
  readonly timestamp?: string;
  readonly trackEvent?: TrackEvent;
  readonly trackDescriptor?: {
    readonly uuid: string;
    readonly name?: string;
    readonly parentUuid?: string;
    readonly process?: { readonly processName: string };
    readonly thread?: { readonly threadName: string };
  };
}

let folder = "";
let packets: Packet[] = [];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hartlab-trace-"));
  const file = join(folder, "trace.pftrace");
  const { status, reproduce } = run("scenarios/kmemleak/lost-object.yaml", "--trace", file);
  expect(status, reproduce).toBe(0);
  const type = protobuf.parse(PROTO).root.lookupType("Trace");
  const trace = type.toObject(type.decode(readFileSync(file)), { longs: String, enums: String });
  packets = trace.packet as Packet[];
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const events = (): (TrackEvent & { clock: number })[] =>
  packets.flatMap(({ timestamp, trackEvent }) => (trackEvent ? [{ ...trackEvent, clock: Number(timestamp) }] : []));
const names = (): Map<string, string> =>
  new Map(
    packets.flatMap(({ trackDescriptor: one }) =>
      one ? [[one.uuid, one.thread?.threadName ?? one.process?.processName ?? one.name ?? ""] as const] : [],
    ),
  );

test("there is a track for each hart, for tasks, for locks that were waited for, and counters", () => {
  const tracks = [...names().values()];
  expect(tracks).toEqual(expect.arrayContaining(["harts", "hart 0", "hart 3", "tasks", "locks", "counters", "pages allocated"]));
  expect(tracks.some((name) => /^lose_kmalloc\/\d+$/.test(name))).toBe(true);
  expect(tracks.some((name) => /^kmemleak_lock 0x[0-9a-f]{8}$/.test(name))).toBe(true);
  expect(tracks.some((name) => name.startsWith("waiters of kmemleak_lock"))).toBe(true);
});

test("time goes on, every event has a track, and no slice ends that has not begun", () => {
  const known = names();
  const depth = new Map<string, number>();
  let clock = 0;
  for (const event of events()) {
    expect(event.clock).toBeGreaterThanOrEqual(clock);
    clock = event.clock;
    expect(known.has(event.trackUuid)).toBe(true);
    const step = event.type === "TYPE_SLICE_BEGIN" ? 1 : event.type === "TYPE_SLICE_END" ? -1 : 0;
    const now = (depth.get(event.trackUuid) ?? 0) + step;
    expect(now).toBeGreaterThanOrEqual(0);
    depth.set(event.trackUuid, now);
  }
  expect(clock).toBeGreaterThan(10e6);
});

test("arrows lead from a release to a later acquisition", () => {
  const begun = new Map<string, number>();
  let arrows = 0;
  for (const { flowIds, terminatingFlowIds, clock } of events()) {
    for (const id of flowIds ?? []) begun.set(id, clock);
    for (const id of terminatingFlowIds ?? []) {
      expect(begun.get(id)).toBeLessThanOrEqual(clock);
      arrows++;
    }
  }
  expect(arrows).toBeGreaterThan(10);
});

test("waiters are never fewer than none, and the pages come back", () => {
  const known = names();
  const last = new Map<string, number>();
  for (const { type, trackUuid, counterValue } of events()) {
    if (type !== "TYPE_COUNTER") continue;
    expect(Number(counterValue)).toBeGreaterThanOrEqual(0);
    last.set(known.get(trackUuid)!, Number(counterValue));
  }
  expect(last.get("pages allocated")).toBeGreaterThan(0);
  for (const [name, value] of last) if (name.startsWith("waiters of")) expect(value, name).toBe(0);
});
