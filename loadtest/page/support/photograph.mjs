// Pictures for the tests, made in the browser; and the ways in which a person gives them to the page.

/** What makes a JPEG of some 8 MB. */
export const LARGE = { width: 4_000, height: 3_000, noise: 100, quality: 0.93 };

/**
 * A JPEG with a sky, hills and the noise of a camera.
 * @param {import('playwright-core').Page} page
 * @returns {Promise<{ name: string, mimeType: string, buffer: Buffer }>} as Playwright takes files
 */
export async function photograph(page, name, { width = 800, height = 600, noise = 20, quality = 0.8, hue = 200 } = {}) {
  const base64 = await page.evaluate(async (look) => {
    const canvas = new OffscreenCanvas(look.width, look.height);
    const pen = canvas.getContext('2d');
    pen.fillStyle = `hsl(${look.hue} 70% 75%)`;
    pen.fillRect(0, 0, look.width, look.height);
    pen.fillStyle = `hsl(${look.hue + 140} 40% 35%)`;
    pen.beginPath();
    pen.ellipse(look.width / 2, look.height, look.width * 0.6, look.height * 0.5, 0, 0, 7);
    pen.fill();
    const picture = pen.getImageData(0, 0, look.width, look.height);
    let state = 1;
    for (let at = 0; at < picture.data.length; at += 4) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      const off = (state / 4_294_967_296 - 0.5) * look.noise;
      for (let channel = 0; channel < 3; channel += 1) picture.data[at + channel] += off;
    }
    pen.putImageData(picture, 0, 0);
    const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: look.quality });
    const reader = new FileReader();
    reader.readAsDataURL(blob);
    await new Promise((resolve) => reader.addEventListener('load', resolve));
    return reader.result.split(',')[1];
  }, { width, height, noise, quality, hue });
  return { name, mimeType: 'image/jpeg', buffer: Buffer.from(base64, 'base64') };
}

/** Chooses files in the dialog behind the paper clip. */
export async function choose(window, ...files) {
  const [dialog] = await Promise.all([window.page.waitForEvent('filechooser'), window.part('attach').click()]);
  await dialog.setFiles(files);
}

/** Files as the clipboard or the mouse carries them. */
export function carried(window, files) {
  const plain = files.map(({ name, mimeType, buffer }) => ({ name, mimeType, base64: buffer.toString('base64') }));
  return window.page.evaluateHandle((list) => {
    const carrier = new DataTransfer();
    for (const { name, mimeType, base64 } of list) {
      const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
      carrier.items.add(new File([bytes], name, { type: mimeType }));
    }
    return carrier;
  }, plain);
}

/** The picture with this name in a state, stored unless said otherwise. */
export function pictureOf(window, name, state = 'shown') {
  return window.page.locator(`[data-testid=picture][data-state=${state}]`).filter({ has: window.page.getByAltText(name, { exact: true }) });
}

/** The names of the pictures in the log, from top to bottom. */
export function names(window) {
  return window.page.locator('[data-testid=picture] .picture-image').evaluateAll((images) => images.map((image) => image.alt));
}

/** Lets so many bytes a second leave the page, apart from the socket. */
export async function slowDown(window, uploadThroughput) {
  const session = await window.context.newCDPSession(window.page);
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput });
}
