// The lab device: byte offsets of its 32-bit registers (ABI.md section 5). At 0x1020_0000, PLIC source 40.

export const enum LAB {
  MAGIC = 0,
  VERSION = 4,
  /** Number of requests waiting. */
  STATUS = 8,
  /** The request at the head of the queue: LAB_OP. */
  OP = 12,
  ARG = 16,
  /** Sequence number of the request at the head; 0 when there is none. */
  SEQ = 20,
  /** Write SEQ here after RESULT: the request is done and leaves the queue. */
  ACK = 24,
  /** 0 or a negative errno. */
  RESULT = 28,
}

/** Contents of MAGIC ("HLAB") and VERSION. */
export const LAB_MAGIC = 0x42414c48;
export const LAB_VERSION = 1;

export const enum LAB_OP { online = 1, offline = 2, scan = 3, call_task = 4 }
