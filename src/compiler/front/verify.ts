/** Checks the rules at the head of ir.ts; each broken one is a sentence. For tests and between passes. */
import { successors } from "../opt/cfg.ts";
import { endArgs } from "../opt/values.ts";
import type { Block, IrFunction, Op, Value } from "../ir.ts";

/** How many arguments an operation takes; null: any number. */
const ARITY: Readonly<Record<Op, readonly number[] | null>> = {
  const: [0],
  symbol: [0],
  frame: [0],
  param: [0],
  percpu: [0],
  binary: [2],
  load: [1],
  store: [2],
  call: null,
  result1: [1],
  amo: [2],
  cmpxchg: [3],
  csr: [1],
  fence: [0],
  system: [0, 1, 2],
  ecall: [2, 3, 4, 5, 6, 7, 8],
  mark: [3],
  framepointer: [0],
  barrier: [0],
  asm: [0, 1, 2, 3],
  phi: null,
};

export function verifyIr(fn: IrFunction): string[] {
  const wrong: string[] = [];
  const say = (text: string) => wrong.push(`${fn.symbol}: ${text}`);
  const entry = fn.blocks[0];
  if (!entry) return [`${fn.symbol}: no entry block`];
  if (entry.preds.length) say("the entry block has predecessors");
  const home = checkValues(fn, say);
  checkEdges(fn, say);
  if (wrong.length) return wrong;
  checkDominance(fn, home, say);
  return wrong;
}

/** Where each value is defined: block, and position in it. */
type Home = Map<Value, { readonly block: Block; readonly at: number }>;

function checkValues(fn: IrFunction, say: (text: string) => void): Home {
  const home: Home = new Map();
  const ids = new Set<number>();
  const claim = (id: number, what: string) => {
    if (ids.has(id)) say(`the number ${id} is used twice`);
    if (id >= fn.nextId) say(`${what} ${id} is not below nextId ${fn.nextId}`);
    ids.add(id);
  };
  for (const block of fn.blocks) {
    claim(block.id, "block");
    let phisEnded = false;
    block.values.forEach((v, at) => {
      claim(v.id, "value");
      home.set(v, { block, at });
      if (v.op === "phi") {
        if (phisEnded) say(`phi v${v.id} is not at the start of b${block.id}`);
        if (v.args.length !== block.preds.length)
          say(`phi v${v.id} has ${v.args.length} arguments for ${block.preds.length} predecessors`);
      } else phisEnded = true;
      const arity = ARITY[v.op];
      if (arity && !arity.includes(v.args.length))
        say(`${v.op} v${v.id} has ${v.args.length} arguments`);
      if (v.op === "param" && block !== fn.blocks[0])
        say(`param v${v.id} is outside the entry block`);
      if (v.op === "const" && v.x.value !== (v.x.value | 0))
        say(`const v${v.id} is no 32-bit number`);
      if (v.op === "frame" && !fn.frame[v.x.slot]) say(`v${v.id} names the frame slot ${v.x.slot}`);
      if (v.op === "result1" && v.args[0] !== block.values[at - 1])
        say(`result1 v${v.id} does not follow its call`);
    });
  }
  return home;
}

function checkEdges(fn: IrFunction, say: (text: string) => void): void {
  const expected = new Map<Block, Block[]>(fn.blocks.map((b) => [b, []]));
  for (const block of fn.blocks) {
    for (const s of successors(block.end)) {
      const list = expected.get(s);
      if (list) list.push(block);
      else say(`b${block.id} leads to b${s.id}, which is not in the function`);
    }
    if (block.end.kind === "return" && block.end.args.length !== fn.results)
      say(`b${block.id} returns ${block.end.args.length} words, not ${fn.results}`);
  }
  for (const [block, preds] of expected) {
    const key = (list: Block[]) =>
      list
        .map((b) => b.id)
        .sort((a, b) => a - b)
        .join(",");
    if (key(preds) !== key(block.preds))
      say(`b${block.id} lists predecessors ${key(block.preds)}, edges say ${key(preds)}`);
    if (block !== fn.blocks[0] && preds.length === 0) say(`b${block.id} cannot be reached`);
  }
}

function checkDominance(fn: IrFunction, home: Home, say: (text: string) => void): void {
  const idom = dominators(fn);
  const dominates = (a: Block, b: Block): boolean => {
    for (let at: Block | undefined = b; at; at = idom.get(at)) if (at === a) return true;
    return false;
  };
  const check = (user: string, arg: Value, block: Block, at: number) => {
    const defined = home.get(arg);
    if (!defined) say(`${user} uses v${arg.id} (${arg.op}), which no block lists`);
    else if (defined.block === block ? defined.at >= at : !dominates(defined.block, block)) {
      say(`${user} uses v${arg.id} (${arg.op}), which does not dominate it`);
    }
  };
  for (const block of fn.blocks) {
    block.values.forEach((v, at) => {
      if (v.op === "phi")
        v.args.forEach((a, i) => {
          check(`phi v${v.id}`, a, block.preds[i]!, Infinity);
        });
      else for (const a of v.args) check(`${v.op} v${v.id}`, a, block, at);
    });
    for (const a of endArgs(block.end)) check(`the end of b${block.id}`, a, block, Infinity);
  }
}

/** Immediate dominators (Cooper, Harvey, Kennedy, "A Simple, Fast Dominance Algorithm", 2001). */
function dominators(fn: IrFunction): Map<Block, Block> {
  const order: Block[] = [];
  const seen = new Set<Block>();
  const visit = (start: Block) => {
    const stack: [Block, number][] = [[start, 0]];
    seen.add(start);
    while (stack.length) {
      const top = stack.at(-1)!;
      const next = successors(top[0].end)[top[1]++];
      if (!next) {
        order.unshift(top[0]);
        stack.pop();
      } else if (!seen.has(next)) {
        seen.add(next);
        stack.push([next, 0]);
      }
    }
  };
  visit(fn.blocks[0]!);
  const number = new Map(order.map((b, i) => [b, i]));
  const idom = new Map<Block, Block>();
  const meet = (a: Block, b: Block): Block => {
    let x = a;
    let y = b;
    while (x !== y) {
      while (number.get(x)! > number.get(y)!) x = idom.get(x)!;
      while (number.get(y)! > number.get(x)!) y = idom.get(y)!;
    }
    return x;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of order.slice(1)) {
      let best: Block | null = null;
      for (const p of block.preds) {
        if (p === order[0] || idom.has(p)) best = best ? meet(best, p) : p;
      }
      if (best && idom.get(block) !== best) {
        idom.set(block, best);
        changed = true;
      }
    }
  }
  return idom;
}
