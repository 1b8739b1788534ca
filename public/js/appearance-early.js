// Runs before the first paint, so that a chosen appearance does not flash. The rest is `view/appearance.js`.
try {
  const chosen = JSON.parse(localStorage.getItem('starling.appearance'));
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.appearance = chosen;
} catch {
  // Storage is closed to this page: the system's appearance holds.
}
