// A process that was killed says nothing: after ten times the usual while the page says so, and goes on looking.
{
  const live = document.querySelector("#live");
  const quiet = Date.now() / 1000 - Number(live.dataset.written);
  if (quiet > 10 * Math.max(30, Number(live.dataset.every))) {
    const told = document.querySelector("#stale");
    told.textContent = `Nothing was written for ${Math.round(quiet / 60)} minutes: the test takes its time, or the run was killed.`;
    told.hidden = false;
  }
}
