// The fast path of a slab allocator: an array of free objects per cache, refilled from and flushed to a slab's free list.

const LIMIT = 16;
const BATCH = 8;
const OBJECTS = 64;
const SIZE = 64;

class array_cache {
  avail: u32 = 0;
  limit: u32 = LIMIT;
  batchcount: u32 = BATCH;
  touched: u32 = 0;
  readonly entry = new FixedArray<usize>(LIMIT);
}
class kmem_cache {
  readonly array = new array_cache();
  free: usize;
  inuse: u32;
  hits: u32;
  misses: u32;
}
const cache = new kmem_cache();
const memory = new FixedArray<u32>((OBJECTS * SIZE) / 4);
const held = new FixedArray<usize>(OBJECTS);

function refill(c: kmem_cache): void {
  "noinline";
  const ac = c.array;
  for (let n = ac.batchcount; n > 0 && c.free !== 0; n--) {
    const object = c.free;
    c.free = cast<Ptr<usize>>(object)[0];
    ac.entry[ac.avail] = object;
    ac.avail += 1;
    c.inuse += 1;
  }
}

function flush(c: kmem_cache): void {
  "noinline";
  const ac = c.array;
  const count = ac.batchcount;
  for (let i: u32 = 0; i < count; i++) {
    const object = ac.entry[i];
    cast<Ptr<usize>>(object)[0] = c.free;
    c.free = object;
    c.inuse -= 1;
  }
  ac.avail -= count;
  for (let i: u32 = 0; i < ac.avail; i++) ac.entry[i] = ac.entry[i + count];
}

function kmem_cache_alloc(c: kmem_cache): usize {
  "noinline";
  const ac = c.array;
  if (ac.avail === 0) {
    c.misses += 1;
    refill(c);
    if (ac.avail === 0) return 0;
  } else c.hits += 1;
  ac.touched = 1;
  ac.avail -= 1;
  return ac.entry[ac.avail];
}

function kmem_cache_free(c: kmem_cache, object: usize): void {
  "noinline";
  const ac = c.array;
  if (ac.avail >= ac.limit) flush(c);
  ac.entry[ac.avail] = object;
  ac.avail += 1;
}

export function kernel_main(): u32 {
  cache.free = 0;
  cache.inuse = 0;
  cache.array.avail = 0;
  for (let i: u32 = 0; i < OBJECTS; i++) {
    const object: usize = addr(memory) + i * SIZE;
    cast<Ptr<usize>>(object)[0] = cache.free;
    cache.free = object;
  }
  let x: u32 = 5;
  let count: u32 = 0;
  let sum: u32 = 0;
  for (let step: u32 = 0; step < 4000; step++) {
    x = x * 1664525 + 1013904223;
    if ((x >>> 30) !== 0 && count < OBJECTS) {
      const object = kmem_cache_alloc(cache);
      if (object !== 0) {
        held[count] = object;
        count += 1;
      }
    } else if (count > 0) {
      const at = (x >>> 8) % count;
      sum = sum * 3 + (held[at] - addr(memory));
      kmem_cache_free(cache, held[at]);
      count -= 1;
      held[at] = held[count];
    }
    if (count === OBJECTS) while (count > 20) {
      count -= 1;
      kmem_cache_free(cache, held[count]);
    }
  }
  return sum + cache.inuse;
}
