// Brings the picture up to date without a reload: scroll, focus and open details stay where they are.
(() => {
  "use strict";
  const every = Number(document.body.dataset.refresh || 0) * 1000;
  if (!every) return;
  const status = document.getElementById("stale");

  const busy = () => {
    const at = document.activeElement;
    return at && document.querySelector("main").contains(at) && /^(INPUT|SELECT|TEXTAREA|BUTTON)$/.test(at.tagName);
  };

  const refresh = async () => {
    if (document.hidden || busy()) return;
    try {
      const answer = await fetch(location.href, { headers: { "X-Refresh": "1" }, redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("main"), old = document.querySelector("main");
      if (!fresh || fresh.innerHTML === old.innerHTML) return;
      const open = [...old.querySelectorAll("details[open][id]")].map((d) => d.id);
      const scrolled = [...old.querySelectorAll(".scroll[id]")].map((d) => [d.id, d.scrollLeft]);
      const focused = document.activeElement && document.activeElement.id;
      old.replaceChildren(...fresh.childNodes);
      open.forEach((id) => { const d = document.getElementById(id); if (d) d.open = true; });
      scrolled.forEach(([id, left]) => { const d = document.getElementById(id); if (d) d.scrollLeft = left; });
      if (focused && document.getElementById(focused)) document.getElementById(focused).focus({ preventScroll: true });
      if (status) status.hidden = true;
    } catch {
      if (status) status.hidden = false;
    }
  };

  setInterval(refresh, every);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
})();
