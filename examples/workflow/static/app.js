// The three steps: log in, read the token, call a route.

import { element, fillClaims, tokenLine } from "./paint.js";
import { forgery, read, tamperPayload, tamperSignature } from "./token.js";
import { colour, entry, exchange } from "./wire.js";

const STEPS = ["login", "token", "call"];

// Servers count in whole seconds: only after this they surely agree that time is up.
const GRACE_MS = 200;

const byId = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];

// The token lives here and nowhere else: no cookie, no storage.
const state = { token: null, user: null, variant: "none", deadline: 0, lifetime: 1, waiting: false };

function show(step) {
  for (const name of STEPS) byId(name).hidden = name !== step;
  for (const button of all(".steps [data-step]")) {
    if (button.dataset.step === step) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
  }
  byId(`${step}-title`).focus();
}

function variantOf(variant) {
  if (variant === "none" || !state.token) return null;
  if (variant === "payload") return tamperPayload(state.token);
  return variant === "signature" ? tamperSignature(state.token) : state.token;
}

function choose(variant) {
  state.variant = variant;
  for (const button of all("[data-variant]")) {
    button.setAttribute("aria-pressed", String(button.dataset.variant === variant));
  }
  for (const radio of all("[name=variant]")) {
    radio.checked = radio.value === variant;
    radio.disabled = !state.token && radio.value !== "none";
  }
  paintToken();
}

function paintToken() {
  for (const part of all(".with-token")) part.hidden = !state.token;
  for (const part of all(".without-token")) part.hidden = Boolean(state.token);
  if (!state.token) return;
  const shown = variantOf(state.variant) ?? state.token;
  const [original, changed] = [read(state.token), read(shown)];
  byId("token-text").replaceChildren(...tokenLine(shown, state.token));
  fillClaims(byId("header-claims"), changed.header, original.header);
  fillClaims(byId("payload-claims"), changed.payload, original.payload);
}

function record(result, verdict) {
  for (const details of all("#wire details")) details.open = false;
  byId("wire").prepend(entry(result, verdict));
  byId("wire-empty").hidden = true;
  const line = result.answer ? result.answer.line : "No answer";
  const call = `${result.sent.method} ${result.sent.path}`;
  byId("verdict").replaceChildren(element("b", "", `${call}: ${line}.`), ` ${verdict}`);
  byId("verdict").className = colour(result.answer);
}

async function logIn(event) {
  event.preventDefault();
  const body = Object.fromEntries(new FormData(event.target));
  const result = await exchange({ method: "POST", path: "/login", body });
  if (result.answer?.status !== 200) {
    record(result, loginVerdict(result.answer));
    return;
  }
  const { access_token: token, expires_in: lifetime } = result.answer.json;
  Object.assign(state, { token, lifetime, user: read(token).payload.sub });
  state.deadline = Date.now() + lifetime * 1000 + GRACE_MS;
  const { claim, value } = forgery(token);
  document.querySelector("[data-variant=payload]").textContent = `Change the payload: ${claim} = "${value}"`;
  byId("login-state").textContent = `logged in as ${state.user}`;
  stopWaiting();
  choose("issued");
  tick();
  record(result, `The password was right. Here is a signed token for ${lifetime} seconds.`);
  show("token");
}

function loginVerdict(answer) {
  if (!answer) return "Is the server still running?";
  if (answer.status === 401) return "Unknown user or wrong password; the answer does not tell which.";
  return "That was no login.";
}

async function call(path, variant) {
  const result = await exchange({ method: "GET", path, token: variantOf(variant) });
  const button = document.querySelector(".steps [data-step=call]");
  button.dataset.result = colour(result.answer);
  byId("call-state").textContent = result.answer ? `${path}: ${result.answer.line}` : "no answer";
  record(result, callVerdict(result.answer, variant));
}

function callVerdict(answer, variant) {
  if (!answer) return "Is the server still running?";
  if (answer.status === 200) return "The signature fits, the time is not over, the scope suffices. Come in.";
  if (answer.status === 403) return "The token is good, so the guard knows who you are. But this route asks for a scope that the token does not grant.";
  if (!answer.json?.error) return "No token was sent. The bare challenge says how to ask: with a Bearer token.";
  if (answer.challenge.includes("expired")) return "The signature still fits, but the time is over. Log in again.";
  const changed = { payload: "The payload is not the one that was signed", signature: "The signature is not the one that the server made" };
  return `${changed[variant] ?? "The token is not valid here"}. What exactly is wrong stands in the server’s log only.`;
}

function tick() {
  if (!state.token) return;
  const left = Math.max(0, state.deadline - Date.now());
  const seconds = Math.ceil(left / 1000);
  byId("time-bar").value = Math.min(1, left / (state.lifetime * 1000));
  byId("time-left").textContent = left ? `${Math.min(seconds, state.lifetime)} s left` : "expired";
  byId("token-state").textContent = `${state.user}’s token, ${byId("time-left").textContent}`;
  byId("token-state").classList.toggle("over", !left);
  if (!left && state.waiting) {
    stopWaiting();
    choose("issued");
    call("/api/me", "issued");
  }
}

function stopWaiting() {
  state.waiting = false;
  byId("wait").textContent = "Wait for expiry, then GET /api/me";
}

function toggleWaiting() {
  if (state.waiting) {
    stopWaiting();
    return;
  }
  state.waiting = true;
  byId("wait").textContent = "Waiting … click to stop";
  tick();
}

function fillForm({ username, password }) {
  const { elements } = byId("login-form");
  elements.username.value = username;
  elements.password.value = password;
}

function listen() {
  for (const button of all("[data-step]")) button.addEventListener("click", () => show(button.dataset.step));
  for (const button of all("[data-username]")) button.addEventListener("click", () => fillForm(button.dataset));
  for (const button of all("[data-variant]")) button.addEventListener("click", () => choose(button.dataset.variant));
  for (const button of all("[data-path]")) button.addEventListener("click", () => call(button.dataset.path, state.variant));
  byId("variants").addEventListener("change", (event) => choose(event.target.value));
  byId("login-form").addEventListener("submit", logIn);
  byId("wait").addEventListener("click", toggleWaiting);
  setInterval(tick, 250);
}

choose("none");
listen();
