// How times, names and numbers are written.

const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const exact = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long" });

export const clockTime = (date) => time.format(date);
export const exactTime = (date) => exact.format(date);
export const dayName = (date) => day.format(date);

export function milliseconds(ms) {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return ms < 1 ? "under 1 ms" : `${Math.round(ms)} ms`;
}

export function bytes(n) {
  if (n < 1024) return `${n} B`;
  return n < 1024 * 1024 ? `${Math.round(n / 1024)} KB` : `${(n / 1024 / 1024).toFixed(1)} MB`;
}

export function duration(seconds) {
  const minutes = Math.round(seconds / 60);
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (minutes < 120) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 6) / 10} h` : `${Math.round(minutes / 144) / 10} days`;
}

export const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

const channelNames = {
  android: "Android", apn: "APN", fcm: "FCM", frontendEmail: "Mail", instagram: "Instagram", ios: "iOS", line: "LINE",
  mailgun: "Mail (Mailgun)", messagebird: "SMS (MessageBird)", messenger: "Messenger", other: "Other SDK",
  telegram: "Telegram", twilio: "SMS (Twilio)", twitter: "Twitter", viber: "Viber", web: "Web",
  wechat: "WeChat", whatsapp: "WhatsApp", apple: "Apple Messages", googlercs: "RCS", kakao: "KakaoTalk",
};

export const channelName = (type) =>
  channelNames[type] ?? (type ? type[0].toUpperCase() + type.slice(1) : "API");

export function initials(name) {
  const words = name.split(/[\s@._-]+/).filter(Boolean);
  return ((words[0]?.[0] ?? "?") + (words.length > 1 ? words.at(-1)[0] : "")).toUpperCase();
}

export function host(url) {
  try {
    const u = new URL(url);
    return u.host + (u.pathname === "/" ? "" : u.pathname);
  } catch {
    return url;
  }
}

export const prettyJSON = (text) => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
};

// shell quotes a text for a POSIX shell.
export const shell = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

// curl writes a request as a command. Headers that curl makes itself are left out.
export function curl(method, url, headers, body) {
  const own = ["content-length", "host", "accept-encoding", "connection", "user-agent", "accept", "origin", "referer"];
  const parts = [`curl -i -X ${method} ${shell(url)}`];
  if (method === "HEAD") parts[0] = `curl -I ${shell(url)}`;
  for (const [name, values] of Object.entries(headers ?? {})) {
    if (own.includes(name.toLowerCase()) || /^sec-/i.test(name)) continue;
    for (const value of values) parts.push(`-H ${shell(`${name}: ${value}`)}`);
  }
  if (body?.base64) {
    return `echo ${shell(body.base64)} | base64 -d | ${parts.concat("--data-binary @-").join(" \\\n  ")}`;
  }
  if (body?.text) parts.push(`--data-raw ${shell(body.text)}`);
  return parts.join(" \\\n  ");
}
