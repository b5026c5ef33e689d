/** How many parsed keys are kept, of each kind. */
const keysMax = 64;

/**
 * `parse`, remembering the last 64 keys used: parsing a key takes as long as verifying with it. What throws is not remembered.
 */
export const cached = <Key>(parse: (text: string) => Key): ((text: string) => Key) => {
  const keys = new Map<string, Key>();
  return (text) => {
    let key = keys.get(text);
    if (key === undefined) {
      key = parse(text);
      if (keys.size >= keysMax) keys.delete(keys.keys().next().value as string);
    } else if (keys.size < keysMax) {
      return key;
    } else {
      keys.delete(text);
    }
    keys.set(text, key);
    return key;
  };
};
