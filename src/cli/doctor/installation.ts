/** What this installation can do: Node.js, memory, WebAssembly, the compiler, caches, and the tools that only the tests need. */
import { accessSync, constants, readdirSync, statSync } from "node:fs";
import { totalmem } from "node:os";
import { delimiter, join } from "node:path";
import { loadTypeScript } from "../typescript.ts";

export interface Finding {
  readonly what: string;
  readonly value: string;
  /** missing: nothing works without it; absent: something does not. */
  readonly state: "ok" | "missing" | "absent";
}

/** package.json's engines. */
const NODE_LEAST = { major: 20, minor: 19 } as const;
const PAGE = 65_536;
const MIB = 1 << 20;

/** Tools that tests compare with; hartlab itself needs none of them. */
const TOOLS: Readonly<Record<string, string>> = {
  "qemu-system-riscv32": "differential tests, bench",
  "riscv64-unknown-elf-gcc": "compiler tests",
  "riscv64-unknown-elf-objdump": "disassembler tests",
  "gdb-multiarch": "debugger tests",
};

function onPath(tool: string): string | null {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, tool);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not there.
    }
  }
  return null;
}

/** A function whose body is `code`, as a module; the smallest that says whether the host knows an instruction. */
function knows(...code: number[]): boolean {
  const body = [0, ...code, 0x0b];
  const module = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 5, 3, 1, 0, 1, 10, body.length + 2, 1, body.length, ...body];
  return WebAssembly.validate(Uint8Array.from(module));
}

/** The most memory of one machine, in MiB, that the host reserves. */
function memoryMax(): number {
  for (const mib of [4096, 2560, 2048, 1024, 512, 128]) {
    try {
      new WebAssembly.Memory({ initial: (mib * MIB) / PAGE, maximum: (mib * MIB) / PAGE });
      return mib;
    } catch {
      // Less, then.
    }
  }
  return 0;
}

function typescript(): Finding {
  try {
    return { what: "TypeScript compiler", value: loadTypeScript().version, state: "ok" };
  } catch {
    return { what: "TypeScript compiler", value: "not found: kernels cannot be built; run npm install", state: "missing" };
  }
}

function cache(root: string): Finding {
  const folder = join(root, "build/cache");
  const what = "image cache";
  try {
    const files = readdirSync(folder);
    const bytes = files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    accessSync(folder, constants.W_OK);
    return { what, value: `${folder}: ${files.length} files, ${(bytes / MIB).toFixed(1)} MiB`, state: "ok" };
  } catch {
    return { what, value: `${folder} is not there or cannot be written: every run compiles its kernel`, state: "absent" };
  }
}

export function inspect(root: string): Finding[] {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isNewEnough = major > NODE_LEAST.major || (major === NODE_LEAST.major && minor >= NODE_LEAST.minor);
  // Without a limit of its own the host reports some absurd number.
  const limit = Math.min(process.constrainedMemory() || totalmem(), totalmem());
  const most = memoryMax();
  const features: [string, boolean, Finding["state"]][] = [
    ["bulk memory (interpreter)", knows(0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 11, 0), "missing"],
    ["sign extension (interpreter)", knows(0x41, 0, 0xc0, 0x1a), "missing"],
    ["tail calls (JIT)", knows(0x12, 0), "absent"],
  ];
  return [
    { what: "Node.js", value: `${process.versions.node} (${NODE_LEAST.major}.${NODE_LEAST.minor} or later is needed), V8 ${process.versions.v8}`, state: isNewEnough ? "ok" : "missing" },
    { what: "host memory", value: `${Math.floor(limit / MIB)} MiB`, state: "ok" },
    { what: "largest machine", value: `${most} MiB of linear memory; guest RAM is up to 2048 MiB of it`, state: most >= 512 ? "ok" : "missing" },
    ...features.map(([name, has, otherwise]): Finding => ({ what: `WebAssembly ${name}`, value: has ? "yes" : "no", state: has ? "ok" : otherwise })),
    typescript(),
    cache(root),
    ...Object.entries(TOOLS).map(([tool, use]): Finding => {
      const path = onPath(tool);
      return { what: tool, value: path ?? `not found; only ${use} need it`, state: path === null ? "absent" : "ok" };
    }),
  ];
}
