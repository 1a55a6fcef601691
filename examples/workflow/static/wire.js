// Sends requests and shows what went over the wire.

import { element, shortTokenLine } from "./paint.js";

const JWT = /eyJ[\w-]+\.[\w-]+\.[\w-]*/;

/** Send a request; return what was sent and what was answered. */
export async function exchange({ method, path, token, body }) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  const sent = { method, path, headers, body };
  try {
    const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    return { sent, answer: await received(response) };
  } catch {
    return { sent, answer: null };
  }
}

async function received(response) {
  const text = await response.text();
  const type = response.headers.get("Content-Type") ?? "";
  return {
    status: response.status,
    line: `${response.status} ${response.statusText}`.trim(),
    challenge: response.headers.get("WWW-Authenticate"),
    type,
    json: type.endsWith("json") ? JSON.parse(text) : null,
    text,
  };
}

/** Return an entry of the list: the request, the answer, and what it means. */
export function entry({ sent, answer }, verdict) {
  const badge = element("span", `badge ${colour(answer)}`, answer ? answer.line : "no answer");
  const summary = element("summary", "", element("code", "", `${sent.method} ${sent.path}`), " ", badge);
  const details = element("details", "", summary, element("p", "", verdict),
    element("h3", "", "Request"), request(sent));
  if (answer) details.append(element("h3", "", "Answer"), response(answer));
  details.open = true;
  return element("li", "", details);
}

/** Return the class of colour that belongs to an answer. */
export function colour(answer) {
  if (!answer) return "bad";
  return answer.status < 300 ? "good" : answer.status === 403 ? "warn" : "bad";
}

function request({ method, path, headers, body }) {
  const shown = body && JSON.stringify({ ...body, password: "••••••" }, null, 2);
  return message(`${method} ${path} HTTP/1.1`, headers, shown);
}

function response({ line, challenge, type, json, text }) {
  const headers = { "Content-Type": type };
  if (challenge) headers["WWW-Authenticate"] = challenge;
  return message(`HTTP/1.1 ${line}`, headers, json ? JSON.stringify(json, null, 2) : text);
}

function message(firstLine, headers, body) {
  const lines = [element("b", "", firstLine)];
  for (const [name, value] of Object.entries(headers)) {
    const important = name === "WWW-Authenticate" || name === "Authorization";
    lines.push("\n", element("span", important ? "important" : "name", `${name}:`), " ", ...withToken(value));
  }
  if (body) lines.push("\n\n", ...withToken(body));
  return element("pre", "", ...lines);
}

function withToken(text) {
  const found = JWT.exec(text);
  if (!found) return [text];
  const after = text.slice(found.index + found[0].length);
  return [text.slice(0, found.index), ...shortTokenLine(found[0]), after];
}
