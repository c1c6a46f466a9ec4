// Heap sort and binary search of 1024 words.

const COUNT = 1024;
const words = new FixedArray<u32>(COUNT);

function sift(root: u32, end: u32): void {
  "noinline";
  let at = root;
  const value = words[at];
  for (;;) {
    let child = 2 * at + 1;
    if (child >= end) break;
    if (child + 1 < end && words[child] < words[child + 1]) child += 1;
    if (words[child] <= value) break;
    words[at] = words[child];
    at = child;
  }
  words[at] = value;
}

function sort(): void {
  "noinline";
  for (let i: u32 = COUNT / 2; i > 0; i--) sift(i - 1, COUNT);
  for (let end: u32 = COUNT - 1; end > 0; end--) {
    const top = words[0];
    words[0] = words[end];
    words[end] = top;
    sift(0, end);
  }
}

function find(value: u32): u32 {
  "noinline";
  let low: u32 = 0;
  let high: u32 = COUNT;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (words[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function kernel_main(): u32 {
  let x: u32 = 1;
  for (let i: u32 = 0; i < COUNT; i++) {
    x = x * 1664525 + 1013904223;
    words[i] = x >>> 4;
  }
  sort();
  let sum: u32 = 0;
  for (let i: u32 = 0; i < COUNT; i++) sum = sum * 31 + words[i];
  for (let i: u32 = 0; i < COUNT; i++) sum += find(i << 18);
  return sum;
}
