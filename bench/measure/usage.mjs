// Preloaded into a measured process (node --import): on exit it writes what the process used to the file USAGE_FILE names.
import { writeFileSync } from "node:fs";

process.on("exit", () => {
  const { user, system } = process.cpuUsage();
  const { maxRSS } = process.resourceUsage();
  const usage = { userSeconds: user / 1e6, systemSeconds: system / 1e6, maxRssBytes: maxRSS * 1024 };
  writeFileSync(process.env.USAGE_FILE, JSON.stringify(usage));
});
