/** kmemleak's pieces in the guest, for each design and form of the index, and with pieces broken. */
import { describe, expect, test } from "vitest";
import { compile, judge, namesOf, onOurs, replaceIn, tapOf } from "./guest-tests.ts";

const NAMES = namesOf("kmemleak_index", "kmemleak_hooks", "prio_tree");
const RB = "kernel/mm/kmemleak/index/rb.ts";
const PATH = "kernel/mm/kmemleak/index/path.ts";
const FILTER = "kernel/mm/kmemleak/index/filter.ts";
const PRIO_TREE = "kernel/lib/prio_tree.ts";

describe("the index holds what it should, hooks and commands do what they say", () => {
  test.each([
    ["km08-fix", {}],
    ["km09", {}],
    ["km19", { "kmemleak.filter": "page" }],
    ["km19", { "kmemleak.index": "single-lock" }],
    ["km19", { "kmemleak.index": "seqcount" }],
    ["km19", { "kmemleak.index": "latch", "kmemleak.filter": "page" }],
    ["km19", { "kmemleak.index": "path-copy" }],
    ["km19", { "kmemleak.index": "optimistic", preempt: "rt" }],
  ])("%s %o", { timeout: 120_000 }, (design, more) => {
    judge(onOurs(compile({ "kmemleak.design": design, ...more }), 4, 3, NAMES), NAMES);
  });
});

describe("and a broken one does not", () => {
  test("the rest of a block that was freed in part is lost", { timeout: 120_000 }, () => {
    const piece = "  if (ptr + size < end) create_object(";
    const tap = tapOf(onOurs(compile({}, (files) => replaceIn(files, "kernel/mm/kmemleak/create.ts", piece, piece.replace("<", ">"))), 1, 3, NAMES));
    expect(tap).toContainEqual(expect.stringMatching(/^not ok \d+ - kmemleak_hooks /));
  });

  test.each([
    ["the last byte is outside", {}, RB, "key <= interval.last ? interval", "key < interval.last ? interval"],
    ["an overlap is accepted", {}, RB, "    else return interval;\n", "    else link = addressOf(at.rb_right);\n"],
    ["a page's node does not follow a rotation", { "kmemleak.filter": "page" }, FILTER, "if (entry[0] === addr(down))", "if (entry[0] === 1)"],
    ["a page's node does not follow what erasing moves", { "kmemleak.filter": "page" }, FILTER, "refresh(root, end);", "return;"],
    ["what has left is found while it keeps its place", { "kmemleak.index": "path-copy" }, PATH, "|| has_left(node.it) ? null", "? null"],
    ["what ends first moves up", {}, PRIO_TREE, "left.last >= right.last", "left.last < right.last", "prio_tree"],
  ])("%s", { timeout: 120_000 }, (_what, config, file, from, to, fails = "kmemleak_index") => {
    const tap = tapOf(onOurs(compile(config, (files) => replaceIn(files, file, from, to)), 2, 3, NAMES));
    expect(tap).toContainEqual(expect.stringMatching(new RegExp(`^not ok \\d+ - ${fails} `)));
  });
});
