// The right: what happens, calls and deliveries, the newest first.

import { choice, fill, h, hiddenText, icon, reconcile } from "./dom.js";
import { exactTime, host, milliseconds } from "./format.js";
import { currentUser, drawNow, open, state } from "./store.js";
import { drawDetail } from "./detail.js";
import { connect } from "./top.js";

const maxRows = 300;

const filters = choice("Show", [["all", "All"], ["call", "Calls"], ["delivery", "Deliveries"], ["problem", "Problems"]], state.filter, (filter) => {
  state.filter = filter;
  drawNow();
});
const only = h("input", { type: "checkbox", id: "only-user", onchange: () => { state.onlyUser = only.checked; drawNow(); } });
const onlyLabel = h("label", { for: "only-user", class: "only" }, only, h("span", {}));
const rows = h("ol", { class: "rows" });
const end = h("p", { class: "none", hidden: true }, "Older ones are kept by the sandbox: GET /_sandbox/calls and /_sandbox/deliveries.");
const empty = h("div", { class: "empty" });
const list = h("div", { class: "log-rows", tabindex: "0", role: "region", "aria-label": "Calls and deliveries" }, rows, end);
const overview = h("div", { class: "overview" },
  h("header", { class: "pane-head" }, h("h2", {}, "Activity"), onlyLabel), h("div", { class: "filters" }, filters), empty, list);
const detail = h("div", { class: "detail", hidden: true });

export function startActivity(pane) {
  fill(pane, overview, detail);
}

let drawnEmpty;

export function drawActivity() {
  const opened = state.opened !== null;
  const closes = !opened && overview.hidden && detail.contains(document.activeElement);
  overview.hidden = opened;
  detail.hidden = !opened;
  if (opened) {
    drawDetail(detail);
    return;
  }
  filters.select(state.filter);
  const user = currentUser();
  onlyLabel.hidden = !user;
  if (user) onlyLabel.lastChild.textContent = `Only ${user.displayName}`;
  drawRows();
  if (closes) rows.querySelector(".last-opened")?.focus();
}

function entries() {
  const fits = (e) => (state.onlyUser ? e.userId === state.userId : !e.appId || e.appId === state.appId);
  const calls = ["all", "call", "problem"].includes(state.filter) ? state.calls : [];
  const deliveries = ["all", "delivery", "problem"].includes(state.filter) ? state.deliveries : [];
  const all = [];
  let i = calls.length - 1, j = deliveries.length - 1;
  while (all.length < maxRows && (i >= 0 || j >= 0)) {
    const takeCall = j < 0 || (i >= 0 && calls[i].at >= deliveries[j].at);
    const entry = takeCall ? { kind: "call", ...calls[i--] } : { kind: "delivery", ...deliveries[j--] };
    if (fits(entry) && (state.filter !== "problem" || isProblem(entry))) all.push(entry);
  }
  return all;
}

const isProblem = (e) => (e.kind === "call" ? e.status === 0 || e.status >= 400
  : e.state === "failed" || e.attempts.some((a) => !isFine(a.status)));
const isFine = (status) => status >= 200 && status < 300;

function drawRows() {
  const shown = entries();
  reconcile(rows, shown, {
    key: (e) => `${e.kind} ${e.id}`,
    version: (e) => (e.kind === "call" ? "" : JSON.stringify([e.state, e.nextAttempt, e.attempts.length])),
    make: drawRow,
  });
  end.hidden = shown.length < maxRows;
  const kind = !state.loaded ? "wait" : shown.length ? "" : state.filter + state.onlyUser + state.credentials.baseURL;
  empty.hidden = kind === "";
  list.hidden = kind !== "";
  if (drawnEmpty === kind) return;
  drawnEmpty = kind;
  if (kind === "" || kind === "wait") fill(empty);
  else if (state.filter !== "all" || state.onlyUser) {
    fill(empty, h("span", { class: "empty-mark" }, icon("list")), h("h3", {}, state.filter === "problem" ? "No problems" : "Nothing like this yet"),
      h("p", {}, state.filter === "problem" ? "To see some, inject a fault: Faults, at the top." : "Choose All to see the rest."));
  } else {
    fill(empty, h("span", { class: "empty-mark" }, icon("list")), h("h3", {}, "Nothing has happened yet"),
      h("p", {}, "Calls to ", h("code", {}, state.credentials.baseURL), " and deliveries to your webhooks appear here."),
      h("div", { class: "row" }, h("button", { type: "button", class: "button", onclick: connect }, "Connect your bot")));
  }
}

// scopeName says whose credential a call has. Nobody looks at that of a call that there is not, and a
// fault may come before.
export const scopeName = (call) => ({
  account: "account key", app: "app key", appUser: "user's token", appToken: "app token", integration: "integration",
  mediaToken: "media token", "": call.fault || !call.operation ? "" : call.status === 401 ? "refused credential" : "no credential",
}[call.scope] ?? call.scope);

export function status(code) {
  const kind = code === 0 ? "bad" : isFine(code) ? "ok" : code >= 500 || code === 429 ? "bad" : code >= 400 ? "bad" : "odd";
  return h("span", { class: `status ${kind}` }, code === 0 ? "cut" : code);
}

// operation writes "POST /appusers/{userId}/messages" so that the verb stands out. A call that was
// not recognised has its path, without what all paths begin with.
export function operation(call) {
  const [verb, path] = call.operation ? call.operation.split(" ") : [call.method, call.uri.replace(/^\/v1(\.1)?(\/apps\/[^/]+)?(?=\/)/, "")];
  return [h("b", {}, verb), " ", path];
}

export const states = { waiting: "waiting", delivered: "delivered", retrying: "will retry", failed: "given up" };

function drawRow(entry) {
  const isCall = entry.kind === "call";
  const at = new Date(entry.at);
  return h("li", {}, h("button", { type: "button", class: `row ${entry.kind}`, onclick: (e) => {
    rows.querySelector(".last-opened")?.classList.remove("last-opened");
    e.currentTarget.classList.add("last-opened");
    open(entry.kind, entry.id);
  } },
  h("span", { class: "way", title: isCall ? "Call" : "Delivery" }, icon(isCall ? "incoming" : "outgoing"), hiddenText(isCall ? "Call " : "Delivery ")),
  h("span", { class: "row-title mono" }, isCall ? operation(entry) : h("b", {}, entry.trigger)),
  isCall ? h("span", { class: "row-status" }, status(entry.status))
    : h("span", { class: "row-status" }, entry.attempts.length === 0 ? h("span", { class: "status odd" }, "…") : entry.attempts.slice(-4).map((a) => status(a.status))),
  h("span", { class: "row-meta" }, h("time", { datetime: entry.at }, exactTime(at)),
    isCall ? [scopeName(entry) ? ` · ${scopeName(entry)}` : "", entry.version ? ` · ${entry.version}` : "", ` · ${milliseconds(entry.milliseconds)}`, entry.fault ? h("span", { class: "fault-mark" }, " · fault") : null]
      : [` · to ${host(entry.target)}`,
        entry.state === "retrying" ? h("span", { class: "fault-mark" }, ` · again at ${exactTime(new Date(entry.nextAttempt))}`) : null,
        entry.state === "failed" ? h("span", { class: "bad-mark" }, " · given up") : null])));
}

