// A picture in some 30 characters, to show while it loads. Decoder after the algorithm's own description and its
// reference implementation: https://github.com/woltapp/blurhash/blob/master/Algorithm.md (Wolt Enterprises, MIT).

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~';

/**
 * @param {string} hash
 * @returns {Uint8ClampedArray | null} RGBA, `width` × `height`; null for what is no such hash
 */
export function decodeBlurhash(hash, width, height) {
  const values = typeof hash === 'string' ? [...hash].map((digit) => DIGITS.indexOf(digit)) : [];
  if (values.length < 6 || values.includes(-1)) return null;
  const columns = (values[0] % 9) + 1;
  const rows = Math.floor(values[0] / 9) + 1;
  if (values.length !== 4 + 2 * columns * rows) return null;
  const strongest = (values[1] + 1) / 166;
  const colours = [average(number(values.slice(2, 6)))];
  for (let at = 6; at < values.length; at += 2) colours.push(detail(number(values.slice(at, at + 2)), strongest));
  return paint(colours, columns, rows, width, height);
}

function number(digits) {
  return digits.reduce((sum, digit) => sum * 83 + digit, 0);
}

function average(value) {
  return [value >> 16, (value >> 8) & 255, value & 255].map(toLinear);
}

function detail(value, strongest) {
  const levels = [Math.floor(value / 361), Math.floor(value / 19) % 19, value % 19];
  return levels.map((level) => Math.sign(level - 9) * ((level - 9) / 9) ** 2 * strongest);
}

function paint(colours, columns, rows, width, height) {
  const pixels = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const colour = [0, 0, 0];
      for (let row = 0; row < rows; row += 1) {
        for (let column = 0; column < columns; column += 1) {
          const weight = Math.cos((Math.PI * x * column) / width) * Math.cos((Math.PI * y * row) / height);
          for (let channel = 0; channel < 3; channel += 1) colour[channel] += colours[row * columns + column][channel] * weight;
        }
      }
      pixels.set([...colour.map(toScreen), 255], (y * width + x) * 4);
    }
  }
  return pixels;
}

function toLinear(level) {
  const part = level / 255;
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
}

function toScreen(light) {
  const part = Math.min(1, Math.max(0, light));
  return Math.trunc((part <= 0.0031308 ? part * 12.92 : 1.055 * part ** (1 / 2.4) - 0.055) * 255 + 0.5);
}
