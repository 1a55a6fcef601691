// Makes elements. Text gets into the page as text only, never as markup.

const PARTS = ["header", "payload", "signature"];

const MEANINGS = {
  alg: "algorithm of the signature",
  kid: "which key signed",
  typ: "what this is",
  iss: "issuer: who made it",
  sub: "subject: whom it is about",
  aud: "audience: for which API",
  iat: "issued at",
  exp: "expires at",
  jti: "id of this token",
  scope: "what it allows",
};

/** Return a new element with a class and with children: nodes or text. */
export function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Return the parts of a token in their colours; what differs from the original is marked. */
export function tokenLine(token, original = token) {
  const originals = original.split(".");
  const spans = token.split(".").map((part, i) =>
    element("span", `part-${PARTS[i]}`, ...marked(part, originals[i])));
  return spans.flatMap((span, i) => (i ? [".", span] : [span]));
}

/** Return a token that fits on a line, with the ends of each part. */
export function shortTokenLine(token) {
  return tokenLine(token.split(".").map((part) => `${part.slice(0, 6)}…${part.slice(-4)}`).join("."));
}

/** Return `changed` as nodes, the stretch that differs from `original` in a mark. */
function marked(changed, original) {
  if (changed === original) return [changed];
  let start = 0;
  while (changed[start] === original[start]) start += 1;
  let end = 0;
  const most = Math.min(changed.length, original.length) - start;
  while (end < most && changed.at(-1 - end) === original.at(-1 - end)) end += 1;
  const stop = changed.length - end;
  return [changed.slice(0, start), element("mark", "", changed.slice(start, stop)), changed.slice(stop)];
}

/** Fill a table with claims: name, value, meaning. */
export function fillClaims(table, claims, originals) {
  const rows = Object.entries(claims).map(([name, value]) => {
    const changed = value !== originals[name];
    const cell = element("td", "value", JSON.stringify(value));
    if (changed) cell.replaceChildren(element("mark", "", JSON.stringify(value)), element("span", "meaning", " changed by you"));
    const heading = element("th", "", name);
    heading.scope = "row";
    return element("tr", "", heading, cell, element("td", "meaning", meaning(name, value)));
  });
  table.tBodies[0]?.remove();
  table.append(element("tbody", "", ...rows));
}

function meaning(name, value) {
  const instant = name === "iat" || name === "exp";
  const time = instant ? ` ${new Date(value * 1000).toLocaleTimeString()}` : "";
  return `${MEANINGS[name] ?? ""}${time}`;
}
