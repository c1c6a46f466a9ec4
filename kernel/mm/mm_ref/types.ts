// The identity of one reference to an mm_struct: an object that lies where the pointer lies (on the stack, or embedded beside it).
// Whoever takes a reference says by which identity, and gives it back by the same one.
//
// An identity has no fields while references are only counted: then it takes no bytes, and passing it is no instruction.

export class mm_ref {
  readonly nothing = new FixedArray<u32>(0);
}
