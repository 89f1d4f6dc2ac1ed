// Calls of the controls, and of the Smooch API itself for what the business does.

async function request(method, path, body, headers = {}) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: body === undefined ? headers : { ...headers, "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Error("The sandbox cannot be reached, or a fault has cut the connection.");
  }
  const text = await answer.text();
  let decoded = {};
  try {
    decoded = text ? JSON.parse(text) : {};
  } catch {
    if (answer.ok) throw new Error("The answer cannot be read.");
  }
  if (!answer.ok) {
    const error = new Error(decoded.error?.description ?? `The sandbox answered ${answer.status}.`);
    error.status = answer.status;
    throw error;
  }
  return decoded;
}

const e = encodeURIComponent;

// control calls something under /_sandbox/.
export const control = (method, path, body) => request(method, `/_sandbox/${path}`, body);

export const appPath = (appId) => `apps/${e(appId)}`;
export const userPath = (appId, userId) => `apps/${e(appId)}/users/${e(userId)}`;

let token;

export const setToken = (jwt) => { token = jwt; };

// business calls the Smooch API as the business does: the call appears among the others, and the
// faults hit it.
export const business = (method, appId, path, body, version = "v1.1") =>
  request(method, `/${version}/apps/${e(appId)}/${path}`, body, { Authorization: `Bearer ${token}` });

// dataURL reads a file for a control that takes its content.
export const dataURL = (file) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result);
  reader.onerror = () => reject(new Error(`${file.name} cannot be read.`));
  reader.readAsDataURL(file);
});
