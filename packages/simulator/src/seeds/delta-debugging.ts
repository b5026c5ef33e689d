/**
 * A subset of the items, in their order, for which `holds` is still true and from which no part can be left out (ddmin: Zeller and
 * Hildebrandt, 2002). `holds` is asked for several candidates at once; the first of them that holds is taken.
 */
export async function smallestSubset<Item>(
  items: readonly Item[],
  holds: (subset: readonly Item[]) => Promise<boolean>,
  atOnce: number,
): Promise<readonly Item[]> {
  let kept = items;
  if (kept.length > 0 && (await holds([]))) return [];
  let parts = 2;
  while (kept.length >= 2) {
    const chunks = split(kept, parts);
    const complements = chunks.map((_, left) => chunks.flatMap((chunk, at) => (at === left ? [] : chunk)));
    const smaller = await firstThatHolds(parts === 2 ? chunks : [...complements], holds, atOnce);
    if (smaller !== undefined) {
      parts = parts === 2 ? 2 : parts - 1;
      kept = smaller;
    } else if (parts >= kept.length) break;
    else parts = Math.min(kept.length, parts * 2);
  }
  return kept;
}

function split<Item>(items: readonly Item[], parts: number): readonly (readonly Item[])[] {
  const chunks: Item[][] = [];
  for (let part = 0; part < parts; part++)
    chunks.push(
      items.slice(Math.floor((part * items.length) / parts), Math.floor(((part + 1) * items.length) / parts)),
    );
  return chunks;
}

async function firstThatHolds<Item>(
  candidates: readonly (readonly Item[])[],
  holds: (subset: readonly Item[]) => Promise<boolean>,
  atOnce: number,
): Promise<readonly Item[] | undefined> {
  for (let at = 0; at < candidates.length; at += atOnce) {
    const batch = candidates.slice(at, at + atOnce);
    const answers = await Promise.all(batch.map(holds));
    const found = batch[answers.indexOf(true)];
    if (found !== undefined) return found;
  }
  return undefined;
}
