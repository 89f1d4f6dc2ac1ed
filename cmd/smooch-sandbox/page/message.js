// What a message looks like, for each type. Whatever comes from a message becomes text: see dom.js.

import { bytes, channelName } from "./format.js";
import { h, hiddenText, icon, safeLink } from "./dom.js";
import { shownURL } from "./store.js";

// bubble draws the content of a message. side is whose view it is, act does what a person does with
// it: tap(action, button), answer(message, fields), locate().
export function bubble(message, side, act) {
  const draw = types[message.type] ?? unknown;
  const caption = ["text", "image", "file"].includes(message.type) ? text(message.text) : null;
  const quoted = quote(message.quotedMessage);
  return h("div", { class: `bubble ${message.type}` }, quoted, draw(message, side, act), caption,
    buttons(message.actions, side, act));
}

const types = {
  text: () => null,
  image: (m) => picture(m.mediaUrl, m.altText || "Picture"),
  file: (m) => {
    const name = m.altText || fileName(m.mediaUrl);
    const facts = [m.mediaType, m.mediaSize ? bytes(m.mediaSize) : null].filter(Boolean).join(" · ");
    const link = safeLink(m.mediaUrl);
    return h(link ? "a" : "span", { class: "file-card", href: link && shownURL(link), target: link && "_blank", rel: link && "noreferrer" },
      icon("file"), h("span", {}, h("strong", {}, name), h("small", {}, facts || "File")));
  },
  carousel: (m, side, act) => h("ul", { class: `carousel ${m.displaySettings?.imageAspectRatio === "square" ? "square" : ""}`,
    tabindex: "0", "aria-label": "Carousel" }, (m.items ?? []).map((i) => item(i, side, act))),
  list: (m, side, act) => h("ul", { class: "item-list" }, (m.items ?? []).map((i) => item(i, side, act))),
  location: (m) => {
    const { lat, long } = m.coordinates ?? {};
    const place = m.location?.name || m.location?.address;
    return h("a", { class: "place", href: `https://www.openstreetmap.org/?mlat=${encodeURIComponent(lat)}&mlon=${encodeURIComponent(long)}#map=15/${encodeURIComponent(lat)}/${encodeURIComponent(long)}`, target: "_blank", rel: "noreferrer" },
      h("span", { class: "map" }, icon("pin")),
      h("span", { class: "place-text" }, h("strong", {}, place || "Location"),
        m.location?.name && m.location.address ? h("small", {}, m.location.address) : null,
        h("small", { class: "mono" }, `${lat}, ${long}`)));
  },
  form,
  formResponse: (m) => h("dl", { class: "answers" }, (m.fields ?? []).map((f) =>
    h("div", {}, h("dt", {}, f.label || f.name), h("dd", {}, answerText(f))))),
};

function unknown(message) {
  return [h("p", {}, `A message of type ${message.type}`), h("pre", { class: "mono", tabindex: "0" }, JSON.stringify(message, null, 2))];
}

// text makes links of the addresses in a text.
function text(content) {
  if (!content?.trim()) return null;
  const parts = content.split(/(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)])/);
  return h("p", { class: "text" }, parts.map((part, i) => (i % 2 && safeLink(part)
    ? h("a", { href: safeLink(part), target: "_blank", rel: "noreferrer" }, part) : part)));
}

function quote(quoted) {
  const content = quoted?.content;
  if (!content || content.type === "form") return null;
  return h("blockquote", {}, content.text?.trim() || `${content.type} message`);
}

function picture(url, alternative) {
  const source = url?.startsWith("data:image/") ? url : safeLink(url);
  const missing = () => h("span", { class: "no-picture" }, icon("picture"), h("span", {}, "The picture cannot be loaded", h("small", {}, url)));
  if (!source) return missing();
  const image = h("img", { src: source.startsWith("data:") ? source : shownURL(source), alt: alternative, referrerpolicy: "no-referrer" });
  image.addEventListener("error", () => image.replaceWith(missing()), { once: true });
  return image;
}

function fileName(url) {
  try {
    return decodeURIComponent(new URL(url, location.href).pathname.split("/").at(-1)) || "File";
  } catch {
    return "File";
  }
}

function item(i, side, act) {
  return h("li", { class: "item" },
    i.mediaUrl ? picture(i.mediaUrl, i.altText || "") : null,
    h("div", { class: "item-text" }, h("strong", {}, i.title), i.description ? h("p", {}, i.description) : null),
    buttons(i.actions, side, act));
}

const isReply = (action) => action.type === "reply" || action.type === "locationRequest";

// buttons draws the buttons in a message. Quick replies stand below the last message instead.
function buttons(actions, side, act) {
  const shown = (actions ?? []).filter((a) => !isReply(a));
  if (shown.length === 0) return null;
  return h("div", { class: "actions" }, shown.map((a) => button(a, side, act)));
}

function price(action) {
  try {
    return new Intl.NumberFormat(undefined, { style: "currency", currency: action.currency || "usd" }).format(action.amount / 100);
  } catch {
    return `${action.amount / 100} ${action.currency}`;
  }
}

function button(action, side, act) {
  const label = action.text || { share: "Share", link: "Open" }[action.type] || action.type;
  const link = ["link", "webview"].includes(action.type) && safeLink(action.uri);
  if (link) {
    return h("a", { class: "action", href: link, target: "_blank", rel: "noreferrer" }, label, icon("external"), hiddenText("opens in a new tab"));
  }
  const note = action.type === "buy" ? (action.state === "paid" ? "paid" : price(action)) : null;
  const dead = side !== "user" || !["postback", "buy"].includes(action.type) || action.state === "paid";
  return h("button", { class: "action", type: "button", disabled: dead, "data-action": action._id, onclick: (e) => act.tap(action, e.currentTarget) },
    label, note ? h("small", {}, note) : null);
}

// quickReplies draws the choices below a message.
export function quickReplies(message, side, act) {
  const replies = (message?.actions ?? []).filter(isReply);
  if (replies.length === 0) return null;
  return h("div", { class: "quick-replies", role: "group", "aria-label": "Quick replies" }, replies.map((a) =>
    h("button", { type: "button", class: "chip", disabled: side !== "user",
      onclick: (e) => (a.type === "reply" ? act.tap(a, e.currentTarget) : act.locate()) },
    a.iconUrl && safeLink(a.iconUrl) ? h("img", { src: safeLink(a.iconUrl), alt: "", width: "16", height: "16" }) : null,
    a.type === "locationRequest" ? icon("pin") : null, a.text)));
}

function answerText(f) {
  const answer = f.text ?? f.email ?? (f.select ?? []).map((o) => o.label || o.name).join(", ");
  return answer || "–";
}

function form(message, side, act) {
  const fields = message.fields ?? [];
  if (message.submitted || side !== "user") {
    return h("div", { class: "form-done" }, h("p", {}, message.submitted ? [icon("check"), " Filled in"] : "A form that waits for an answer"),
      h("ul", {}, fields.map((f) => h("li", {}, f.label || f.name))));
  }
  return h("form", { class: "message-form", onsubmit: (e) => {
    e.preventDefault();
    const data = new FormData(e.currentTarget);
    act.answer(message, Object.fromEntries(fields.map((f) => [f.name, data.get(f.name)])), e.submitter);
  } }, fields.map((f, i) => {
    const id = `form-${message._id}-${i}`;
    const common = { id, name: f.name, required: true };
    const input = f.type === "select"
      ? h("select", common, h("option", { value: "" }, f.placeholder || "Choose…"), (f.options ?? []).map((o) => h("option", { value: o.name }, o.label || o.name)))
      : h("input", { ...common, type: f.type === "email" ? "email" : "text", placeholder: f.placeholder, dir: "auto",
        minlength: f.type === "text" ? f.minSize : null, maxlength: f.type === "text" ? f.maxSize ?? 128 : null, autocomplete: "off" });
    return h("div", { class: "field" }, h("label", { for: id }, f.label || f.name), input);
  }), h("button", { class: "button primary", type: "submit" }, "Send answers"));
}

// summary says in a line what a message holds.
export function summary(message) {
  if (!message) return "";
  const content = message.text?.trim();
  const named = { image: "Picture", file: "File", carousel: "Carousel", list: "List", location: "Location", form: "Form", formResponse: "Form answers" }[message.type];
  if (!named) return content || "Message";
  return ["image", "file"].includes(message.type) && content ? `${named}: ${content}` : named;
}

// fate says what became of a message of the business.
export function fate(message) {
  return (message.deliveries ?? []).filter((d) => d.status === "failed").map((d) =>
    h("p", { class: "failure" }, icon("warning"), h("span", {}, `Not delivered over ${channelName(d.channel)}${d.error ? `: ${d.error}` : ""}`)));
}
