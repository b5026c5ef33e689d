/** Where a value lies in a JSON document: object keys and array indexes, from the outside in. */
export type JsonPath = readonly (string | number)[];

/** A path as people read it: `features[0].count`; empty for the whole document. */
export const formatPath = (path: JsonPath): string => {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[A-Za-z_$][\w$-]*$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step.length > 40 ? `${step.slice(0, 40)}…` : step)}]`;
  }
  return text;
};
