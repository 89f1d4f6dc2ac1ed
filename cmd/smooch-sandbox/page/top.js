// The top: faults, the clock, a new beginning, and how a bot is connected.

import { attempt, choice, copy, dialog, field, fill, h, hiddenText, icon, reconcile, say, setText } from "./dom.js";
import { business, control } from "./api.js";
import { count, duration, exactTime, host } from "./format.js";
import { addView, currentApp, now, state } from "./store.js";

const presets = [
  { name: "Refuse with 429 for 10 s", text: "Too many calls: a client has to wait as Retry-After says.", fault: { status: 429, seconds: 10, retryAfter: 10 } },
  { name: "Answer 503 once", text: "The next call fails and is not carried out.", fault: { status: 503 } },
  { name: "Cut the connection after carrying out", text: "The next call that changes something is carried out, but its answer is lost.", fault: { method: "POST", cut: "after" } },
  { name: "Delay every call by 2 s", text: "Until it is lifted.", fault: { delay: 2, times: -1 } },
];

const time = h("span", { class: "mono" });
const ahead = h("span", { class: "ahead", hidden: true });
const faultCount = h("span", { class: "badge", hidden: true });
const connection = document.getElementById("connection");
const bar = document.getElementById("faults-bar");

export function startTop(controls) {
  fill(controls,
    h("button", { type: "button", class: "button quiet", onclick: faults, title: "Make calls fail" }, icon("warning"), h("span", { class: "label" }, "Faults"), faultCount),
    h("div", { class: "clock" }, h("span", { class: "clock-face", title: "The sandbox's clock" }, icon("clock"), hiddenText("The sandbox's clock: "), time, ahead),
      h("button", { type: "button", class: "button", onclick: advance, title: "Turn the clock 15 minutes on" }, "+15 min")),
    h("button", { type: "button", class: "button quiet", onclick: reset, title: "Begin anew" }, icon("reset"), h("span", { class: "label" }, "Reset")),
    h("button", { type: "button", class: "button primary", onclick: connect, title: "Connect your bot" }, icon("plug"), h("span", { class: "label" }, "Connect your bot")));
  setInterval(tick, 1000);
}

export function drawTop() {
  setText(connection, state.live ? "Live" : state.loaded ? "Connection lost, trying again…" : "Connecting…");
  connection.className = `connection ${state.live ? "live" : "lost"}`;
  document.documentElement.dataset.live = state.live;
  faultCount.hidden = state.faults.length === 0;
  setText(faultCount, String(state.faults.length));
  bar.hidden = state.faults.length === 0;
  drawFaults(bar);
  tick();
}

function tick() {
  if (!state.clock) return;
  setText(time, exactTime(now()));
  ahead.hidden = state.clock.advanced < 1;
  setText(ahead, `+${duration(state.clock.advanced)}`);
  for (const span of document.querySelectorAll("[data-until]")) {
    setText(span, remaining(new Date(span.dataset.until)));
  }
}

const remaining = (until) => `${duration(Math.max(0, (until - now()) / 1000))} left`;

function advance() {
  return attempt(async () => {
    await control("POST", "clock/advance", { seconds: 15 * 60 });
    say("The clock is 15 minutes on: what was due has been delivered again.");
  });
}

// describe says what a fault does.
function describe(f) {
  const what = f.cut ? `Connections are cut ${f.cut} carrying out` : f.status ? `Calls are answered with ${f.status}`
    : f.truncate ? "Answers break off" : `Calls are delayed by ${f.delay} s`;
  return what + (f.method || f.path ? ` on ${[f.method, f.path].filter(Boolean).join(" ")}` : "");
}

function drawFaults(parent) {
  reconcile(parent, state.faults, {
    key: (f) => f.id, version: (f) => JSON.stringify(f),
    make: (f) => h("div", { class: "fault" }, icon("warning"), h("div", {}, h("strong", {}, describe(f)),
      h("span", {}, [f.until ? h("span", { "data-until": f.until }, remaining(new Date(f.until)))
        : f.left < 0 ? "until it is lifted" : `for ${count(f.left, "more call")}`, ` · ${count(f.hits, "hit")}`])),
      h("button", { type: "button", class: "button quiet", onclick: () => attempt(() => control("DELETE", `faults/${f.id}`)) }, "Lift")),
  });
}

export function faults() {
  const inForce = h("div", { class: "in-force" });
  const box = dialog("Make calls fail", {
    text: "A fault hits the calls of every client of this sandbox. The controls of this page are spared.",
    content: [h("ul", { class: "presets" }, presets.map(({ name, text, fault }) => h("li", {},
      h("button", { type: "button", onclick: () => attempt(async () => {
        await control("POST", "faults", fault);
        box.close();
        say(name, "heard");
      }) }, h("strong", {}, name), h("span", {}, text))))), inForce],
  });
  follow(box, () => drawFaults(inForce));
}

// follow draws something in a dialog as long as it is open.
function follow(box, draw) {
  box.addEventListener("close", addView(draw));
  draw();
}

function reset() {
  const box = dialog("Begin anew", {
    text: "There is no way back.",
    content: [h("ul", { class: "presets" }, [
      ["Clear users and logs", "Apps stay, with keys, webhooks and channels. The clock is right again.", { keepApps: true }],
      ["Clear everything", "As at the start. Account and default app keep their credentials.", {}],
    ].map(([name, text, body]) => h("li", {}, h("button", { type: "button", onclick: () => attempt(async () => {
      await control("POST", "reset", body);
      box.close();
      say("The sandbox has begun anew");
    }) }, h("strong", {}, name), h("span", {}, text)))))],
  });
}

const allTriggers = [
  "message:appUser", "message:appMaker", "postback", "conversation:start", "conversation:read", "conversation:referral",
  "typing:appUser", "message:delivery:channel", "message:delivery:user", "message:delivery:failure", "client:add", "client:remove",
  "merge:appUser", "appUser:delete", "payment:success", "link:match", "link:success", "link:failure",
];
const v1Names = { "message:delivery:channel": "delivery:success", "message:delivery:failure": "delivery:failure" };
const onlyNew = ["typing:appUser", "message:delivery:user", "client:add", "client:remove", "appUser:delete"];

// variables are what a bot needs, as smooch-sandbox -print env writes them.
function variables() {
  const app = currentApp(), c = state.credentials;
  const key = app?.keys[0];
  return [
    ["SMOOCH_BASE_URL", c.baseURL], ["SMOOCH_APP_ID", app?.id ?? c.appId], ["SMOOCH_APP_TOKEN", app?.token ?? c.appToken],
    ["SMOOCH_KEY_ID", key?.id ?? c.keyId], ["SMOOCH_KEY_SECRET", key?.secret ?? c.secret],
    ["SMOOCH_ACCOUNT_KEY_ID", c.accountKeyId], ["SMOOCH_ACCOUNT_SECRET", c.accountSecret], ["SMOOCH_TOKEN", c.jwt],
  ];
}

function snippet(label, text) {
  return h("div", { class: "snippet" }, h("pre", { class: "mono", tabindex: "0", "aria-label": label }, text),
    h("button", { type: "button", class: "button icon-only", title: `Copy the ${label.toLowerCase()}`, onclick: () => copy(text, label) },
      icon("copy"), hiddenText(`Copy the ${label.toLowerCase()}`)));
}

export function connect() {
  if (!state.credentials) return;
  const app = currentApp();
  const target = h("input", { type: "url", name: "target", required: true, placeholder: "http://127.0.0.1:8080/webhook", autocomplete: "off" });
  const triggers = h("div", { class: "checks" });
  const versions = choice("Version of the events", [["v1.1", "v1.1"], ["v1", "v1"]], "v1.1", (v) => { version = v; drawVersion(); });
  const hooks = h("ul", { class: "hooks" });
  let version = "v1.1";
  const drawVersion = () => {
    const chosen = [...triggers.querySelectorAll("input:checked")].map((i) => i.dataset.trigger);
    const wanted = triggers.childElementCount ? chosen : ["message:appUser", "postback"];
    versions.select(version);
    fill(triggers, allTriggers.filter((t) => version === "v1.1" || !onlyNew.includes(t)).map((t) => {
      const name = version === "v1" ? v1Names[t] ?? t : t;
      return h("label", {}, h("input", { type: "checkbox", value: name, "data-trigger": t, checked: wanted.includes(t) }), h("span", { class: "mono" }, name));
    }));
  };
  drawVersion();
  const box = dialog("Connect your bot", {
    wide: true,
    content: [
      h("section", {}, h("h3", {}, "1. Give it these variables"),
        snippet("Variables", variables().map(([name, value]) => `export ${name}='${value}'`).join("\n")),
        h("p", { class: "hint" }, "Or try the bot that comes with the Go SDK:"),
        snippet("Command", `go run github.com/smooch/smooch-go/examples/echo-bot@latest -sandbox ${state.credentials.baseURL}`)),
      h("section", {}, h("h3", {}, "2. Send events to it"), h("p", { class: "hint" }, "Your bot can create the webhook itself. Or do it here:"),
        hooks, field("Address of your bot", target), h("div", { class: "field" }, h("p", { class: "label-like" }, "Version of the events"), versions),
        h("fieldset", {}, h("legend", {}, "Events"), triggers)),
    ],
    action: "Create the webhook",
    submit: async (entered) => {
      const chosen = [...triggers.querySelectorAll("input:checked")].map((i) => i.value);
      if (chosen.length === 0) throw new Error("Choose at least one event.");
      await business("POST", app.id, "webhooks", { target: entered.target, triggers: chosen }, version);
      say("The webhook is created");
    },
  });
  follow(box, () => reconcile(hooks, currentApp()?.webhooks ?? [], {
    key: (w) => w.id, version: (w) => JSON.stringify(w),
    make: (w) => h("li", {}, h("div", {}, h("strong", { class: "mono" }, host(w.target)),
      h("small", {}, `${w.version} · ${w.triggers.join(", ")}`),
      h("small", { class: "mono" }, `X-API-Key: ${w.secret}`)),
    h("button", { type: "button", class: "button quiet", onclick: () => attempt(() =>
      business("DELETE", app.id, `webhooks/${encodeURIComponent(w.id)}`)) }, "Delete", hiddenText(` the webhook to ${host(w.target)}`))),
  }));
}
