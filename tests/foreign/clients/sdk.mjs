// AWS's JavaScript SDK v3, driven line by line: each line of standard input is a call
// `{"client": "kinesis-video", "operation": "ListSignalingChannels", "input": {…}}`, and may have
// `"endpoint"` and, with `"paginate": true`, `"pageSize"`. Each is answered in a line: `{"output": …}`,
// a list of them for pages, or `{"error": {"name", "typed", "status", "fault", "message"}}`, where
// `typed` tells whether it is of the class that the SDK has for its name.

import { createInterface } from "node:readline";

const packages = new Map();

async function loaded(name) {
  if (!packages.has(name)) packages.set(name, await import(`@aws-sdk/client-${name}`));
  return packages.get(name);
}

function clientOf(sdk, endpoint) {
  const Client = Object.entries(sdk).find(([name]) => /^[A-Z].*Client$/.test(name) && name !== "__Client")[1];
  return new Client({ maxAttempts: 1, ...(endpoint ? { endpoint } : {}) });
}

async function called({ client: name, operation, input, endpoint, paginate, pageSize }) {
  const sdk = await loaded(name);
  const client = clientOf(sdk, endpoint);
  try {
    if (!paginate) {
      const { $metadata, ...output } = await client.send(new sdk[`${operation}Command`](input));
      return { output, status: $metadata.httpStatusCode };
    }
    const pages = [];
    for await (const { $metadata, ...page } of sdk[`paginate${operation}`]({ client, pageSize }, input)) {
      pages.push(page);
    }
    return { output: pages };
  } catch (error) {
    const { name, message, $fault: fault, $metadata } = error;
    const typed = typeof sdk[name] === "function" && error instanceof sdk[name];
    return { error: { name, typed, status: $metadata?.httpStatusCode ?? null, fault: fault ?? null, message } };
  } finally {
    client.destroy();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await called(revived(JSON.parse(line)))) + "\n");
}

/** Take what is written as a date as one, for that is what the SDK wants. */
function revived(call) {
  const dates = (value) => {
    if (typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value)) return new Date(value);
    if (Array.isArray(value)) return value.map(dates);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, dates(each)]));
    }
    return value;
  };
  return { ...call, input: dates(call.input) };
}
