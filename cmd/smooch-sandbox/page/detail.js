// One call or one delivery with everything that is known of it.

import { attempt, choice, copy, fill, h, icon, say } from "./dom.js";
import { control } from "./api.js";
import { bytes, count, curl, exactTime, milliseconds, prettyJSON } from "./format.js";
import { close, state } from "./store.js";
import { operation, scopeName, states, status } from "./activity.js";

const maxShown = 60000; // characters of a body

let drawn, payloadShown = "sent", focused;

export function drawDetail(element) {
  const { kind, id, detail, error } = state.opened;
  const version = JSON.stringify([kind, id, payloadShown, error, detail]);
  if (version === drawn) return;
  drawn = version;
  const top = element.scrollTop, same = focused === `${kind} ${id}`;
  const back = h("button", { type: "button", class: "button quiet", "aria-label": "Back to activity", onclick: () => { focused = drawn = null; close(); } }, icon("back"), "Activity");
  if (!detail) {
    fill(element, h("header", { class: "pane-head" }, back), h("p", { class: "none" }, error ?? "Reading…"));
    if (!same) back.focus();
    return;
  }
  const had = element.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  fill(element, h("header", { class: "pane-head" }, back, h("div", { class: "spacer" }), kind === "call" ? callTools(detail) : deliveryTools(detail)),
    h("div", { class: "detail-body", tabindex: "0", role: "region", "aria-label": kind === "call" ? "Call" : "Delivery" },
      kind === "call" ? drawCall(detail) : drawDelivery(detail)));
  if (!same) {
    focused = `${kind} ${id}`;
    element.querySelector("h2").focus();
  } else if (had) {
    element.querySelector(`[data-focus="${had}"]`)?.focus();
  }
  element.scrollTop = top;
}

const tool = (name, text, mark, run) => h("button", { type: "button", class: "button", "data-focus": name, onclick: run }, mark ? icon(mark) : null, text);

const callTools = (call) => tool("curl", "Copy as curl", "copy", () =>
  copy(curl(call.method, new URL(call.uri, state.credentials.baseURL).href, call.request.headers, call.request.body), "Command"));

function deliveryTools(d) {
  return [
    tool("curl", "Copy as curl", "copy", () => copy(curl(d.trigger === "HEAD" ? "HEAD" : "POST", d.target, d.request.headers, d.request.body), "Command")),
    d.trigger === "HEAD" ? null : tool("redeliver", "Redeliver", "reset", () => attempt(async () => {
      await control("POST", `deliveries/${d.id}/redeliver`);
      say("Sent again");
    })),
  ];
}

function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function drawCall(call) {
  return [
    h("h2", { class: "mono", tabindex: "-1" }, operation(call)),
    facts([
      ["Status", status(call.status)], ["Time", `${exactTime(new Date(call.at))}, took ${milliseconds(call.milliseconds)}`],
      ["Credential", call.refused ? `refused: ${call.refused}` : scopeName(call)], ["Version", call.version], ["Fault", call.fault ? `number ${call.fault}` : null],
    ]),
    h("h3", {}, "Request"), h("p", { class: "line mono" }, h("b", {}, call.method), ` ${call.uri}`),
    headers(call.request.headers), body(call.request.body, "Body of the request"),
    h("h3", {}, "Answer"), call.status === 0 ? h("p", { class: "none" }, "None: the connection was cut.")
      : [headers(call.answer.headers), body(call.answer.body, "Body of the answer")],
  ];
}

function drawDelivery(d) {
  const versions = [["sent", "As sent"], ["v1.1", "v1.1"], ["v1", "v1"]];
  if (d.trigger === "HEAD") payloadShown = "sent";
  const payload = d.payloads?.[payloadShown];
  return [
    h("h2", { class: "mono", tabindex: "-1" }, d.trigger),
    facts([
      ["State", [states[d.state] ?? d.state, d.nextAttempt && d.state === "retrying" ? ` at ${exactTime(new Date(d.nextAttempt))}` : ""]],
      ["Time", exactTime(new Date(d.at))], ["Target", d.target], ["Version", d.version],
    ]),
    h("h3", {}, "Attempts"),
    d.attempts.length === 0 ? h("p", { class: "none" }, "None yet.")
      : h("ol", { class: "attempts" }, d.attempts.map((a) => attemptOf(a, d))),
    d.trigger === "HEAD" ? null : [
      h("div", { class: "payload-head" }, h("h3", {}, "Payload"), choice("Version of the payload", versions, payloadShown, (v) => {
        payloadShown = v;
        drawDetail(document.querySelector(".detail"));
        document.querySelector(".detail .segments [aria-pressed=true]").focus();
      })),
      payloadShown === "sent" ? [headers(d.request.headers), body(d.request.body, "Payload as sent")]
        : payload ? json(JSON.stringify(payload, null, 2), `Payload in ${payloadShown}`)
          : h("p", { class: "none" }, `${payloadShown} does not have this event.`),
    ],
  ];
}

function attemptOf(a, d) {
  return h("li", {}, h("details", { open: a.number === d.attempts.length }, h("summary", {},
    h("span", { class: "attempt-number" }, a.number), a.status ? status(a.status) : h("span", { class: "status bad" }, "no answer"),
    h("span", { class: "muted" }, `${exactTime(new Date(a.at))} · ${milliseconds(a.milliseconds)}`)),
  a.error ? h("p", { class: "bad-mark" }, a.error) : null,
  a.status ? [headers(a.headers), body(a.body, `Answer to attempt ${a.number}`)] : null));
}

function headers(all) {
  const list = Object.entries(all ?? {}).flatMap(([name, values]) => values.map((value) => [name, value]));
  if (list.length === 0) return null;
  return h("details", { class: "headers" }, h("summary", {}, count(list.length, "header")),
    h("dl", { class: "mono" }, list.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))));
}

function body(b, label) {
  if (!b || b.size === 0) return h("p", { class: "none" }, "No body.");
  const cut = b.truncated ? h("p", { class: "none" }, `Only the start of ${bytes(b.size)} is kept.`) : null;
  if (b.base64 !== undefined) return [h("p", { class: "none" }, `${bytes(b.size)} that are not text.`), cut];
  const pretty = prettyJSON(b.text);
  return [pretty === null ? h("pre", { class: "mono code", tabindex: "0", "aria-label": label }, b.text.slice(0, maxShown)) : json(pretty, label), cut];
}

// json colours the tokens of formatted JSON.
function json(text, label) {
  const pre = h("pre", { class: "mono code", tabindex: "0", role: "region", "aria-label": label });
  const tokens = /("(?:\\.|[^"\\])*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
  let end = 0;
  const shown = text.slice(0, maxShown);
  for (const match of shown.matchAll(tokens)) {
    pre.append(shown.slice(end, match.index));
    const kind = match[1] ? (match[2] ? "k" : "s") : "n";
    pre.append(h("span", { class: kind }, match[1] ?? match[0]), match[2] ?? "");
    end = match.index + match[0].length;
  }
  pre.append(shown.slice(end), text.length > maxShown ? "\n…" : "");
  return pre;
}
