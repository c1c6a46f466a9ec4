/**
 * Packets of a Perfetto trace: the few messages of its protobuf format that a timeline needs, with their field numbers.
 *
 * Source: protos/perfetto/trace/{trace_packet,track_event/track_descriptor,track_event/track_event}.proto, and the guide
 * "Writing TrackEvent Protos Synthetically" (perfetto.dev). Times are nanoseconds of guest time.
 */
import protobuf from "protobufjs/minimal.js";

const TRACE = { packet: 1 } as const;
const PACKET = { timestamp: 8, sequence: 10, trackEvent: 11, trackDescriptor: 60 } as const;
const DESCRIPTOR = { uuid: 1, name: 2, process: 3, thread: 4, parent: 5, counter: 8 } as const;
const PROCESS = { pid: 1, name: 6 } as const;
const THREAD = { pid: 1, tid: 2, name: 5 } as const;
const COUNTER = { unitName: 6 } as const;
const EVENT = { annotation: 4, type: 9, track: 11, name: 23, counterValue: 30, flow: 47, flowEnd: 48 } as const;
const ANNOTATION = { text: 6, name: 10 } as const;
const TYPE = { begin: 1, end: 2, instant: 3, counter: 4 } as const;
/** Wire types. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
/** All packets are one writer's. */
const SEQUENCE = 1;

type Writer = protobuf.Writer;

export interface EventDetails {
  readonly name?: string;
  /** An arrow begins here; ends here. */
  readonly flow?: number;
  readonly flowEnd?: number;
  readonly notes?: Readonly<Record<string, string>>;
}

export class TraceWriter {
  readonly #trace = protobuf.Writer.create();
  #tracks = 0;
  packets = 0;

  /** A group of tracks. */
  process(name: string): number {
    const uuid = ++this.#tracks;
    this.#describe(uuid, (descriptor) => {
      const process = descriptor.uint32(tag(DESCRIPTOR.process, BYTES)).fork();
      process.uint32(tag(PROCESS.pid, VARINT)).int32(uuid);
      process.uint32(tag(PROCESS.name, BYTES)).string(name).ldelim();
    });
    return uuid;
  }

  /** A track of slices in a group. */
  thread(group: number, name: string): number {
    const uuid = ++this.#tracks;
    this.#describe(uuid, (descriptor) => {
      descriptor.uint32(tag(DESCRIPTOR.parent, VARINT)).uint64(group);
      const thread = descriptor.uint32(tag(DESCRIPTOR.thread, BYTES)).fork();
      thread.uint32(tag(THREAD.pid, VARINT)).int32(group);
      thread.uint32(tag(THREAD.tid, VARINT)).int32(uuid);
      thread.uint32(tag(THREAD.name, BYTES)).string(name).ldelim();
    });
    return uuid;
  }

  counter(group: number, name: string, unit: string): number {
    const uuid = ++this.#tracks;
    this.#describe(uuid, (descriptor) => {
      descriptor.uint32(tag(DESCRIPTOR.parent, VARINT)).uint64(group);
      descriptor.uint32(tag(DESCRIPTOR.name, BYTES)).string(name);
      const counter = descriptor.uint32(tag(DESCRIPTOR.counter, BYTES)).fork();
      counter.uint32(tag(COUNTER.unitName, BYTES)).string(unit).ldelim();
    });
    return uuid;
  }

  begin(track: number, clock: number, details: EventDetails): void {
    this.#event(track, clock, TYPE.begin, details);
  }

  end(track: number, clock: number): void {
    this.#event(track, clock, TYPE.end, {});
  }

  instant(track: number, clock: number, details: EventDetails): void {
    this.#event(track, clock, TYPE.instant, details);
  }

  count(track: number, clock: number, value: number): void {
    this.#event(track, clock, TYPE.counter, {}, value);
  }

  finish(): Uint8Array {
    return this.#trace.finish();
  }

  #event(track: number, clock: number, type: number, details: EventDetails, value?: number): void {
    this.#packet((packet) => {
      packet.uint32(tag(PACKET.timestamp, VARINT)).uint64(clock);
      const event = packet.uint32(tag(PACKET.trackEvent, BYTES)).fork();
      event.uint32(tag(EVENT.type, VARINT)).int32(type);
      event.uint32(tag(EVENT.track, VARINT)).uint64(track);
      if (details.name !== undefined) event.uint32(tag(EVENT.name, BYTES)).string(details.name);
      if (value !== undefined) event.uint32(tag(EVENT.counterValue, VARINT)).int64(value);
      if (details.flow !== undefined) event.uint32(tag(EVENT.flow, FIXED64)).fixed64(details.flow);
      if (details.flowEnd !== undefined)
        event.uint32(tag(EVENT.flowEnd, FIXED64)).fixed64(details.flowEnd);
      for (const [name, text] of Object.entries(details.notes ?? {})) {
        const note = event.uint32(tag(EVENT.annotation, BYTES)).fork();
        note.uint32(tag(ANNOTATION.name, BYTES)).string(name);
        note.uint32(tag(ANNOTATION.text, BYTES)).string(text).ldelim();
      }
      event.ldelim();
    });
  }

  #describe(uuid: number, fill: (descriptor: Writer) => void): void {
    this.#packet((packet) => {
      const descriptor = packet.uint32(tag(PACKET.trackDescriptor, BYTES)).fork();
      descriptor.uint32(tag(DESCRIPTOR.uuid, VARINT)).uint64(uuid);
      fill(descriptor);
      descriptor.ldelim();
    });
  }

  #packet(fill: (packet: Writer) => void): void {
    const packet = this.#trace.uint32(tag(TRACE.packet, BYTES)).fork();
    packet.uint32(tag(PACKET.sequence, VARINT)).uint32(SEQUENCE);
    fill(packet);
    packet.ldelim();
    this.packets++;
  }
}

/** Field number and wire type as they precede a value. */
function tag(field: number, wire: number): number {
  return (field << 3) | wire;
}
