/** Compressor and zbud, broken on purpose: the guest's own tests must notice. CI makes the first, `make soak` all: an image takes seconds. */
import { expect, test } from "vitest";
import { compile, namesOf, replaceIn, runOnOurs, tapOf } from "./guest-tests.ts";

const TIMEOUT = { timeout: 60_000 };

const TWINS: [name: string, module: string, file: string, piece: string, by: string, complaint: RegExp][] = [
  [
    "a decompressor that does not look at its room",
    "lz",
    "kernel/lib/lz/decompress.ts",
    "    if (length > room_end - out) return -EINVAL;\n",
    "",
    /^# lz: (a byte too little room|the decompressor stays in its room|a damaged block: nothing outside of the room)$/,
  ],
  [
    "a compressor whose matches reach into the last bytes",
    "lz",
    "kernel/lib/lz/compress.ts",
    "out = put_match(put_literals(token, anchor, literals), token, at - from, length);",
    "out = put_match(put_literals(token, anchor, literals), token, at - from, length - (length > 300 ? 1 : 0));",
    /^# lz: \w+$/,
  ],
  [
    "a buddy that forgets how much room there is beside it",
    "zbud",
    "kernel/mm/zswap/zbud.ts",
    "  return NCHUNKS - zhdr.first_chunks - zhdr.last_chunks;",
    "  return NCHUNKS - zhdr.first_chunks;",
    /^# zbud: /,
  ],
];

const ALL = process.env.SOAK_SEEDS !== undefined;

test.each(ALL ? TWINS : TWINS.slice(0, 1))("%s", TIMEOUT, (_name, module, file, piece, by, complaint) => {
  const elf = compile({}, (files) => replaceIn(files, file, piece, by));
  expect(tapOf(runOnOurs(elf, 2, 1, namesOf(module)).text)).toContainEqual(expect.stringMatching(complaint));
});
