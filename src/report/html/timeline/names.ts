/** What slices are called, each text once, with its colour. */

const COLOURS = 7;
/** Drawn faintly: nobody's work. */
export const FAINT = -1;

export class Names {
  readonly texts: string[] = [];
  readonly colours: number[] = [];
  readonly #tasks = new Map<number, number>();
  readonly #at = new Map<string, number>();
  #next = 0;

  /** `colour`: without it the next of those for tasks. */
  of(text: string, colour?: number): number {
    let at = this.#at.get(text);
    if (at === undefined) {
      at = this.texts.push(text) - 1;
      this.colours.push(colour ?? this.#next++ % COLOURS);
      this.#at.set(text, at);
    }
    return at;
  }

  /** A task by its number; those of pid 0 are idle or the boot. */
  task(task: number, nameOf: (task: number) => string): number {
    let at = this.#tasks.get(task);
    if (at === undefined) {
      const name = nameOf(task);
      at = name.endsWith("/0") ? this.of(name, FAINT) : this.of(name);
      this.#tasks.set(task, at);
    }
    return at;
  }
}
