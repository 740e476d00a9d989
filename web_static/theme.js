// Before the first paint: light or dark as it was chosen here, or as the system says.
(() => {
  try {
    const chosen = localStorage.getItem("theme");
    if (chosen) document.documentElement.dataset.theme = chosen;
  } catch { /* storage is switched off: the system says */ }
})();
