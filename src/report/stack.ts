/** Lines of a stack: `function+0xoff/0xsize (file:line)`; functions inlined there precede it and say so. */
import type { ResultStack } from "../lab/run/resolve.ts";

export function stackLines({ frames }: ResultStack, indent: string): string[] {
  return frames.map((frame, i) => {
    const place = frame.file === null ? "" : ` (${frame.file}:${frame.line})`;
    const inlined = frames[i + 1]?.address === frame.address;
    return `${indent}${inlined ? frame.function : frame.symbol}${place}${inlined ? " [inline]" : ""}`;
  });
}
