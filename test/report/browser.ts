/** Debian's Chromium without a window, for tests that look at a page. Every page is watched: errors, and whom it asks for anything. */
import { type Browser, chromium, type Page } from "playwright-core";

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

export const CHROMIUM = "chromium";

export async function startBrowser(): Promise<Browser> {
  return await chromium.launch({ executablePath: `/usr/bin/${CHROMIUM}`, args: FLAGS });
}

export interface Opened {
  readonly page: Page;
  /** What the console, uncaught errors and dialogs said. */
  readonly complaints: string[];
  /** Addresses that were asked for, the page's own first. */
  readonly requests: string[];
}

/** Opens a file as a reader would: by a double click. */
export async function openFile(browser: Browser, file: string, look: { readonly width?: number; readonly dark?: boolean; readonly script?: boolean } = {}): Promise<Opened> {
  const { width = 1280, dark = false, script = true } = look;
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: dark ? "dark" : "light", javaScriptEnabled: script });
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("dialog", (dialog) => {
    complaints.push(dialog.message());
    void dialog.dismiss();
  });
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(`file://${file}`);
  return { page, complaints, requests };
}
