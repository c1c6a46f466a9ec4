/** Which known name a misspelt one was probably meant to be. */

/** Edits by which a name may differ: about a third of its letters. */
const LETTERS_PER_EDIT = 3;

/** The closest candidate, the first of equals; null when none is close. */
export function closestName(name: string, candidates: Iterable<string>): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(name.length / LETTERS_PER_EDIT)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(name, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** What to say about a member that does not exist: the one meant, or all there are. */
export function memberHint(name: string, members: Iterable<string>): string {
  const all = [...members];
  const meant = closestName(name, all);
  return meant === null ? `there are ${all.join(", ")}` : `did you mean ${meant}?`;
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
