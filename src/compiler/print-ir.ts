/** The intermediate form as text, for tests and for reading. */
import type { AccessKind, IrFunction, IrUnit, Terminator, Value } from "./ir.ts";

export function printValue(v: Value): string {
  const args = v.args.map((a) => `v${a.id}`).join(", ");
  return `v${v.id} = ${describe(v)}${args ? ` ${args}` : ""}`;
}

function describe(v: Value): string {
  switch (v.op) {
    case "const":
      return `const ${v.x.value}`;
    case "symbol":
    case "percpu":
      return `${v.op} ${v.x.name}${v.x.offset ? `+${v.x.offset}` : ""}`;
    case "frame":
      return `frame ${v.x.slot}${v.x.offset ? `+${v.x.offset}` : ""}`;
    case "param":
      return `param ${v.x.index}`;
    case "binary":
      return v.x.op;
    case "load":
      return `load${v.x.signed ? "s" : ""}${v.x.width * 8}${once(v.x.access)} +${v.x.offset}`;
    case "store":
      return `store${v.x.width * 8}${once(v.x.access)} +${v.x.offset}`;
    case "call":
      return `call ${v.x.target ?? "*"}${v.x.noreturn ? " noreturn" : ""}`;
    case "amo":
      return `amo.${v.x.op}.${v.x.order}`;
    case "cmpxchg":
      return `cmpxchg.${v.x.order}`;
    case "csr":
      return `csr${v.x.op} ${v.x.csr}${v.x.wantsOld ? "" : " (old unused)"}`;
    case "fence":
      return `fence ${v.x.pred},${v.x.succ}`;
    case "system":
      return v.x.op;
    case "mark":
      return `mark ${v.x.event}`;
    case "asm":
      return `asm ${JSON.stringify(v.x.text)}`;
    default:
      return v.op;
  }
}

function once(access: AccessKind): string {
  return access === "plain" ? "" : `.${access}`;
}

function printEnd(end: Terminator): string {
  switch (end.kind) {
    case "return":
      return `return ${end.args.map((a) => `v${a.id}`).join(", ")}`.trimEnd();
    case "jump":
      return `jump b${end.target.id}`;
    case "branch": {
      const hint = end.hint ? ` (likely ${end.hint})` : "";
      return `branch ${end.condition} v${end.args[0].id}, v${end.args[1].id} ? b${end.then.id} : b${end.else.id}${hint}`;
    }
    case "switch":
      return `switch v${end.args[0].id} [${end.table.map((i) => `b${end.targets[i]!.id}`).join(", ")}]`;
    case "unreachable":
      return "unreachable";
  }
}

export function printIrFunction(fn: IrFunction): string {
  const lines = [
    `function ${fn.symbol} ${fn.section} params ${fn.paramCount} results ${fn.results}`,
  ];
  fn.frame.forEach((s, i) => {
    lines.push(`  frame ${i}: ${s.size} align ${s.align}${s.variable ? ` ${s.variable.name}` : ""}`);
  });
  for (const block of fn.blocks) {
    lines.push(
      `b${block.id}:${block.preds.length ? ` ; from ${block.preds.map((p) => `b${p.id}`).join(", ")}` : ""}`,
    );
    for (const v of block.values) lines.push(`  ${printValue(v)}`);
    lines.push(`  ${printEnd(block.end)}`);
  }
  return lines.join("\n");
}

export function printIr(unit: IrUnit): string {
  const parts = unit.functions.map(printIrFunction);
  for (const n of unit.naked)
    parts.push([`naked ${n.symbol} ${n.section}`, ...n.lines.map((l) => `  ${l.text}`)].join("\n"));
  for (const d of unit.data) {
    const relocations = d.relocations.map((r) => ` @${r.offset}=${r.symbol}+${r.addend}`).join("");
    parts.push(
      `data ${d.symbol} ${d.section} size ${d.size} align ${d.align} ${d.type}${relocations}`,
    );
  }
  return `${parts.join("\n\n")}\n`;
}
