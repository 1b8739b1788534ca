// Saves a stored file. A link alone would only show it, as it comes from another origin.

/** @param {string} address @param {string} name @returns {Promise<boolean>} false where its bytes cannot be had */
export async function save(address, name) {
  const response = await fetch(address).catch(() => null);
  if (!response?.ok) return false;
  const url = URL.createObjectURL(await response.blob());
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  return true;
}
