(() => {
  "use strict";
  const main = document.querySelector("main");
  const pay = document.querySelector("#pay");
  const state = main.dataset;
  if (!pay) {
    // Somebody is finding out; what the page says may change by itself.
    const rests = !["EXECUTING", "UNKNOWN", "STUCK", "WAITING_FOR_DEPOSIT"].includes(state.status);
    const look = async () => {
      const page = await fetch(location.href).then((answer) => answer.text()).catch(() => "");
      const now = new DOMParser().parseFromString(page, "text/html").querySelector("main")?.dataset.status;
      if (now && now !== state.status) location.reload();
      else setTimeout(look, 3000);
    };
    if (!rests) setTimeout(look, 3000);
    return;
  }

  const notice = document.querySelector("#notice");
  const countdown = document.querySelector("#countdown");
  const ends = performance.now() + Number(state.leftMs);
  const two = (number) => String(number).padStart(2, "0");
  let busy = false;
  let over = false;

  const show = () => {
    pay.disabled = busy || over;
    pay.setAttribute("aria-busy", String(busy));
  };

  const tick = () => {
    const left = Math.max(0, Math.ceil((ends - performance.now()) / 1000));
    const hours = Math.floor(left / 3600);
    const clock = `${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
    countdown.textContent = hours > 0 ? `${hours}:${clock}` : clock;
    if (left > 0) return;
    clearInterval(timer);
    over = true;
    show();
    setTimeout(() => location.reload(), 3000);
  };
  const timer = setInterval(tick, 1000);
  tick();

  const loadScript = () => new Promise((resolve, reject) => {
    if (window.TossPayments) return resolve();
    const script = document.createElement("script");
    script.src = state.script;
    script.onload = resolve;
    script.onerror = () => { script.remove(); reject(new Error()); };
    document.head.append(script);
  });

  const openWindow = () => window.TossPayments(state.clientKey)
    .payment({ customerKey: window.TossPayments.ANONYMOUS })
    .requestPayment({
      method: "CARD",
      amount: { currency: state.currency, value: Number(state.amount) },
      orderId: state.order,
      orderName: state.orderName,
      successUrl: state.success,
      failUrl: state.fail,
      // The whole page goes to the payment window: no card data is entered in a frame of ours.
      windowTarget: "self",
    });

  pay.addEventListener("click", async () => {
    if (busy || over) return;
    busy = true;
    notice.textContent = "";
    show();
    try {
      await loadScript();
      await openWindow();
    } catch (error) {
      notice.textContent = (error && error.message) || state.trouble;
      busy = false;
      show();
    }
  });

  // Back from the payment window by the browser's own button: the page may be a remembered one.
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
