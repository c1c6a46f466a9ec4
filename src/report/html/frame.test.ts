import { describe, expect, test } from "vitest";
import { clientModule, GENERATED } from "../../../scripts/page-client.ts";
import { readFileSync } from "node:fs";
import { chart } from "./chart.ts";
import { page } from "./frame.ts";
import { embeddedJson, html, visible } from "./markup.ts";
import { decadeTicks, guestTime, roundTicks, short } from "./numbers.ts";
import { dataTable } from "./table.ts";

const HOSTILE = `</script><script>alert(1)</script><img src=x onerror="alert('2')">&amp;`;

describe("markup", () => {
  test("what is put in is text, in elements and in attributes", () => {
    const made = html`<p title="${HOSTILE}">${[HOSTILE, 7, null, false, html`<b>${"<"}</b>`]}</p>`.text;
    const escaped = "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&quot;alert(&#39;2&#39;)&quot;&gt;&amp;amp;";
    expect(made).toBe(`<p title="${escaped}">${escaped}7<b>&lt;</b></p>`);
  });

  test("nothing stays invisible: controls, turns of direction, half characters", () => {
    expect(visible("a\x1b[2Jb\0\tc\r\nd\x7f\u202e\u2066\ud800x\u{1f600}\x9b")).toBe("a␛[2Jb␀\tc\nd␡⟨U+202E⟩⟨U+2066⟩�x\u{1f600}⟨U+009B⟩");
  });

  test("data in a script element cannot end it", () => {
    const text = embeddedJson({ a: `</script><!--${HOSTILE}\u2028` });
    expect(text).not.toMatch(/[<>&\u2028]/);
    expect(JSON.parse(text)).toEqual({ a: `</script><!--${HOSTILE}⟨U+2028⟩` });
  });
});

test("numbers as they are shown", () => {
  const plain = (format: (value: number) => string) => (value: number) => format(value).replace("\u2009", " ");
  expect([0, 999, 1250, 1_234_567, 2.5e9].map(plain(guestTime))).toEqual(["0 ns", "999 ns", "1.25 µs", "1.23 ms", "2.5 s"]);
  expect([0, 1234, 12345, 0.5, 1.5e6, 7e12].map(plain(short))).toEqual(["0", "1,234", "12.3 k", "0.5", "1.5 M", "7 T"]);
  expect(roundTicks(0, 97, 4)).toEqual([0, 50, 100]);
  expect(roundTicks(0, 0.35, 4)).toEqual([0, 0.1, 0.2, 0.3, 0.4]);
  expect(roundTicks(7, 7, 4)).toEqual([6, 8, 10, 12, 14]);
  expect(decadeTicks(3, 250)).toEqual([1, 10, 100, 1000]);
});

describe("charts and tables", () => {
  const options = { title: "t", kind: "line" as const, x: { label: "x" }, y: { label: "y", log: true } };

  test("what an axis cannot show is counted, not drawn somewhere", () => {
    const points = [{ x: 1, y: 10 }, { x: 2, y: 0 }, { x: 3, y: NaN }, { x: 4, y: 1000 }];
    const made = chart([{ name: "s", points }], options).text;
    expect(made).toContain("2 values cannot be drawn on these axes.");
    expect(made.match(/<circle/g)).toHaveLength(2);
    expect(made).not.toMatch(/NaN|Infinity|style=/);
    expect(chart([{ name: "s", points: [] }], options).text).toContain("no values");
  });

  test("a table that is cut says so", () => {
    const rows = Array.from({ length: 7 }, (_, i) => [`row ${i}`]);
    const made = dataTable([{ name: "n" }], rows, { rowsMax: 5 }).text;
    expect(made).toContain("2 rows more are not shown.");
    expect(made).not.toContain("row 5");
  });
});

describe("frame", () => {
  const made = page({
    title: HOSTILE,
    verdict: "fail",
    headline: HOSTILE,
    lead: HOSTILE,
    sections: [{ id: "one", title: HOSTILE, count: 3, body: html`${HOSTILE}` }],
    data: { numbers: { text: HOSTILE } },
    foot: HOSTILE,
  });

  test("hostile text opens no element and no attribute", () => {
    expect(made).not.toContain("<img");
    expect(made.match(/<script/g)).toHaveLength(2);
    expect(made.replace(/<style>[\s\S]*?<\/style>|<script[\s\S]*?<\/script>/g, "")).not.toMatch(/\s(style|on\w+)="/);
  });

  test("nothing is asked of anybody", () => {
    expect(made).toContain("default-src 'none'");
    const markup = made.replace(/<style>[\s\S]*?<\/style>|<script[\s\S]*?<\/script>/g, "");
    expect([...markup.matchAll(/(?:src|href)="([^"]*)"/g)].map((match) => match[1])).toEqual(["data:,", "#main", "#one"]);
  });
});

test("the script in the page is what its sources make", async () => {
  const fresh = readFileSync(GENERATED, "utf8") === (await clientModule());
  expect(fresh, "run `npx tsx scripts/page-client.ts`").toBe(true);
});
