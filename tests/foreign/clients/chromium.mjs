// AWS's page in Debian's Chromium, driven by Playwright.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { connect } from "node:tls";

import { GetSignalingChannelEndpointCommand, KinesisVideoClient }
  from "@aws-sdk/client-kinesis-video";
import { chromium } from "playwright-core";

import { serve } from "./browser.mjs";

const CHROMIUM = "/usr/bin/chromium";

/** The channel's endpoints, of both kinds. */
async function endpoints({ channel, endpoint, region, credentials, role }) {
  const client = new KinesisVideoClient({ region, credentials, endpoint });
  const { ResourceEndpointList } = await client.send(new GetSignalingChannelEndpointCommand({
    ChannelARN: channel,
    SingleMasterChannelEndpointConfiguration: {
      Protocols: ["WSS", "HTTPS"], Role: role.toUpperCase(),
    },
  }));
  return ResourceEndpointList.map(({ ResourceEndpoint }) => new URL(ResourceEndpoint));
}

/** The digest by which Chromium takes the key of a server whose authority we trust. */
function pin(url, ca) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: url.hostname, port: url.port || 443, ca }, () => {
      const { publicKey } = socket.getPeerX509Certificate();
      const key = publicKey.export({ type: "spki", format: "der" });
      socket.destroy();
      resolve(createHash("sha256").update(key).digest("base64"));
    });
    socket.on("error", reject);
  });
}

serve(async (settings) => {
  const ca = await readFile(settings.ca);
  const pins = await Promise.all((await endpoints(settings)).map((url) => pin(url, ca)));
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox", // as root, in a container
      "--autoplay-policy=no-user-gesture-required",
      "--use-fake-device-for-media-stream",
      `--ignore-certificate-errors-spki-list=${[...new Set(pins)].join(",")}`,
    ],
  });
  const permissions = settings.camera ? ["camera", "microphone"] : [];
  return {
    page: await browser.newPage({ permissions }),
    version: `Chromium ${browser.version()}`,
    close: () => browser.close(),
  };
});
