#include "types.h"

#define LIMIT 16u
#define BATCH 8u
#define OBJECTS 64u
#define SIZE 64u

struct array_cache {
  u32 avail, limit, batchcount, touched;
  usize entry[LIMIT];
};
struct kmem_cache {
  struct array_cache array;
  usize free;
  u32 inuse, hits, misses;
};
static struct kmem_cache cache = {.array = {.limit = LIMIT, .batchcount = BATCH}};
static u32 memory[OBJECTS * SIZE / 4];
static usize held[OBJECTS];

static noinline void refill(struct kmem_cache *c) {
  struct array_cache *ac = &c->array;
  for (u32 n = ac->batchcount; n > 0 && c->free != 0; n--) {
    usize object = c->free;
    c->free = *(usize *)object;
    ac->entry[ac->avail] = object;
    ac->avail += 1;
    c->inuse += 1;
  }
}

static noinline void flush(struct kmem_cache *c) {
  struct array_cache *ac = &c->array;
  u32 count = ac->batchcount;
  for (u32 i = 0; i < count; i++) {
    usize object = ac->entry[i];
    *(usize *)object = c->free;
    c->free = object;
    c->inuse -= 1;
  }
  ac->avail -= count;
  for (u32 i = 0; i < ac->avail; i++) ac->entry[i] = ac->entry[i + count];
}

static noinline usize kmem_cache_alloc(struct kmem_cache *c) {
  struct array_cache *ac = &c->array;
  if (ac->avail == 0) {
    c->misses += 1;
    refill(c);
    if (ac->avail == 0) return 0;
  } else c->hits += 1;
  ac->touched = 1;
  ac->avail -= 1;
  return ac->entry[ac->avail];
}

static noinline void kmem_cache_free(struct kmem_cache *c, usize object) {
  struct array_cache *ac = &c->array;
  if (ac->avail >= ac->limit) flush(c);
  ac->entry[ac->avail] = object;
  ac->avail += 1;
}

u32 kernel_main(void) {
  cache.free = 0;
  cache.inuse = 0;
  cache.array.avail = 0;
  for (u32 i = 0; i < OBJECTS; i++) {
    usize object = (usize)memory + i * SIZE;
    *(usize *)object = cache.free;
    cache.free = object;
  }
  u32 x = 5, count = 0, sum = 0;
  for (u32 step = 0; step < 4000; step++) {
    x = x * 1664525u + 1013904223u;
    if ((x >> 30) != 0 && count < OBJECTS) {
      usize object = kmem_cache_alloc(&cache);
      if (object != 0) {
        held[count] = object;
        count += 1;
      }
    } else if (count > 0) {
      u32 at = (x >> 8) % count;
      sum = sum * 3 + (held[at] - (usize)memory);
      kmem_cache_free(&cache, held[at]);
      count -= 1;
      held[at] = held[count];
    }
    if (count == OBJECTS)
      while (count > 20) {
        count -= 1;
        kmem_cache_free(&cache, held[count]);
      }
  }
  return sum + cache.inuse;
}
