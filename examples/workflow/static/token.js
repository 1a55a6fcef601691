// RFC 7515 §3: what anybody can do with a token, without any key.

const text = new TextDecoder();
const bytes = new TextEncoder();

function decode(part) {
  const binary = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
  return JSON.parse(text.decode(Uint8Array.from(binary, (c) => c.charCodeAt(0))));
}

function encode(value) {
  const binary = String.fromCharCode(...bytes.encode(JSON.stringify(value)));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Return the header and the payload of a token; no signature is looked at. */
export function read(token) {
  const [header, payload] = token.split(".");
  return { header: decode(header), payload: decode(payload) };
}

/** Return the claim that a cheat would change, and the value he would like. */
export function forgery(token) {
  const admin = read(token).payload.scope === "admin";
  return admin ? { claim: "sub", value: "eve" } : { claim: "scope", value: "admin" };
}

/** Return the token with another claim under the same signature. */
export function tamperPayload(token) {
  const [header, payload, signature] = token.split(".");
  const { claim, value } = forgery(token);
  return [header, encode({ ...decode(payload), [claim]: value }), signature].join(".");
}

/** Return the token with another first character of the signature. */
export function tamperSignature(token) {
  const [header, payload, signature] = token.split(".");
  return [header, payload, (signature[0] === "A" ? "B" : "A") + signature.slice(1)].join(".");
}
