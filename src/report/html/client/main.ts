/** What a page does beyond being read. Each part looks for its elements and leaves a page without them alone. */
import { sortableTables } from "./tables.ts";

sortableTables();
