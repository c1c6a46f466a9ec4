# make           check, then the quick tests            make run     the first scenario
# make linux     builds a riscv32 Linux (docs/linux.md)   make linux-test  boots it in every way
# make test      everything                             make bench   bench/README.md; a line for bench/history.ndjson
# make fuzz: random privileged programs against QEMU, and hostile guests; FUZZ_SEED and FUZZ_COUNT choose which. Then FUZZ_PROGRAMS
# random programs through the compiler.
.PHONY: all check check7 fuzz test quick bench bench-long bench-compiler bench-kernel run kernel soak linux linux-test clean
SOURCES := $(shell find src scripts -name '*.ts' -o -name '*.mjs') package.json

all: check quick

node_modules: package.json package-lock.json
	npm ci --no-audit --no-fund
	@touch node_modules

dist/hartlab.js: node_modules $(SOURCES)
	node scripts/bundle.mjs

# Lint tools have a folder of their own (tools/lint/package.json says why).
tools/lint/node_modules: tools/lint/package.json
	npm install --prefix tools/lint --no-package-lock --no-audit --no-fund
	@touch tools/lint/node_modules

check: node_modules tools/lint/node_modules
	npx tsc --noEmit -p tsconfig.json
	npx tsc --noEmit -p tsconfig.kernel.json
	npx tsc --noEmit -p tsconfig.page.json
	tools/lint/node_modules/.bin/biome lint --error-on-warnings src test scripts bench
	tools/lint/node_modules/.bin/oxlint --quiet src test scripts bench

# Kernel sources by the native TypeScript 7 too (docs/dialect.md).
tools/typescript7/node_modules: tools/typescript7/package.json
	npm install --prefix tools/typescript7 --no-package-lock --no-audit --no-fund
	@touch tools/typescript7/node_modules

check7: tools/typescript7/node_modules
	tools/typescript7/node_modules/.bin/tsc --noEmit -p tsconfig.kernel.json

quick: dist/hartlab.js
	npx vitest run src test/tidy

test: dist/hartlab.js
	npx vitest run

# Kept in the user's cache folder; says what it needs and how long it takes.
linux: node_modules
	npx tsx scripts/linux/build.ts

linux-test: dist/hartlab.js
	npx vitest run --config scripts/linux/vitest.config.ts

FUZZ_SEED ?= $(shell date +%s)
FUZZ_COUNT ?= 500
FUZZ_PROGRAMS ?= 10000

fuzz: node_modules
	@echo FUZZ_SEED=$(FUZZ_SEED) FUZZ_COUNT=$(FUZZ_COUNT) FUZZ_PROGRAMS=$(FUZZ_PROGRAMS)
	FUZZ_SEED=$(FUZZ_SEED) FUZZ_COUNT=$(FUZZ_COUNT) npx vitest run test/hostile test/differential/cases
	FUZZ_SEED=$(FUZZ_SEED) FUZZ_PROGRAMS=$(FUZZ_PROGRAMS) npx vitest run test/compiler-fuzz

soak: dist/hartlab.js
	SOAK_SEEDS=20 npx vitest run test/scenario

build/bench.js: node_modules $(SOURCES) bench/process.ts bench/observed.ts bench/images/machine.ts bench/bundle.mjs
	node bench/bundle.mjs

bench: dist/hartlab.js build/bench.js
	npx tsx bench/run.ts

bench-long: build/bench.js
	npx tsx bench/long.ts

bench-compiler: dist/hartlab.js
	npx tsx bench/compiler/run.ts

bench-kernel: node_modules
	npx tsx bench/kernel/run.ts

run: dist/hartlab.js
	@node dist/hartlab.js run scenarios/kmemleak/lost-object.yaml

kernel: dist/hartlab.js
	node dist/hartlab.js build --out build

clean:
	rm -rf dist build
